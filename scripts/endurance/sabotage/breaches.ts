/** A change of the sources that breaks one promise, and the test that has to notice. */
export interface Breach {
  /** What no longer holds. */
  broken: string;
  /** The file that is changed, from the repository's folder. */
  file: string;
  /** Stands in it once. */
  find: string;
  replace: string;
  /** The project of vitest that has the test. */
  project: 'runtime' | 'mesh' | 'image';
  /** Test file, from the repository's folder. */
  test: string;
  /** Name of the test, without those of its groups. */
  name: string;
}

const supervisor = 'test/services/viscript/supervisor';
const sandbox = 'image/rootfs-overlay/usr/lib/systemd/system/viscript-app-@.service.d/10-viscript-app.conf';

export const breaches: readonly Breach[] = [
  {
    broken: 'the drain hook is run before an app ends',
    file: 'services/signal/lifetime.ts',
    find: 'await this.#hook(graceMs);',
    replace: 'await graceMs;',
    project: 'runtime',
    test: `${supervisor}/supervisor.test.ts`,
    name: 'runs the drain hook to its end and says that it did',
  },
  {
    broken: 'an app registers with its token alone',
    file: 'services/viscript/supervisor/token.ts',
    find: 'if (!repeated && !equal(this.current, given)) return undefined;',
    replace: '',
    project: 'runtime',
    test: `${supervisor}/token.test.ts`,
    name: 'lets no process register with a token that is not its own',
  },
  {
    broken: 'a token is good for one registration',
    file: 'services/viscript/supervisor/token.ts',
    find: 'const repeated = !connected && equal(this.#used, given);',
    replace: 'const repeated = equal(this.#used, given);',
    project: 'runtime',
    test: `${supervisor}/token.test.ts`,
    name: 'is good once, and once more only when nobody is connected',
  },
  {
    broken: 'an app that fails again and again is started ever later',
    file: 'services/viscript/supervisor/restart-backoff.ts',
    find: 'return this.#failures === 1 ? 0 : this.#delays.next();',
    replace: 'return 0;',
    project: 'runtime',
    test: `${supervisor}/restart-backoff.test.ts`,
    name: 'restarts at once after a first failure, then ever later up to the cap, for ever',
  },
  {
    broken: 'a crash loop never ends for good',
    file: 'services/viscript/supervisor/launch.ts',
    find: 'if (signal.aborted || !wantsRestart(this.app.restart, exit)) break;',
    replace: 'if (signal.aborted || this.crashLoops || !wantsRestart(this.app.restart, exit)) break;',
    project: 'runtime',
    test: `${supervisor}/failures.test.ts`,
    name: 'goes on at the longest delay, and says so',
  },
  {
    broken: 'an app that hangs is noticed',
    file: 'services/viscript/supervisor/health.ts',
    find: 'missed = answered ? 0 : missed + 1;',
    replace: 'missed = 0;',
    project: 'runtime',
    test: `${supervisor}/failures.test.ts`,
    name: 'is noticed, killed and started again, and that reason is kept',
  },
  {
    broken: 'nothing of an app outlives it',
    file: 'services/viscript/launcher/process.ts',
    find: 'const left = await this.#killLeftovers();',
    replace: 'const left: number[] = [];',
    project: 'runtime',
    test: `${supervisor}/supervisor.test.ts`,
    name: 'ends what an app leaves behind that ends by itself, also what has left the session and heeds no signal',
  },
  {
    broken: 'a log file is bounded',
    file: 'services/viscript/supervisor/log-file.ts',
    find: 'if (this.#size < maxBytes) return;',
    replace: 'return;',
    project: 'runtime',
    test: `${supervisor}/log-file.test.ts`,
    name: 'is bounded, however much is written, and keeps the newest lines',
  },
  {
    broken: 'wrong passphrases at the console cost ever more time',
    file: 'image/console/tries.ts',
    find: 'return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1));',
    replace: 'return 0 * failures;',
    project: 'runtime',
    test: 'test/image-unit/console/tries.test.ts',
    name: 'doubles with each failure, up to a minute',
  },
  {
    broken: 'a datagram is delivered once',
    file: 'services/net/replay-window.ts',
    find: 'if ((word & bit) !== 0) return false;',
    replace: '',
    project: 'runtime',
    test: 'test/services/net/link/udp.test.ts',
    name: 'delivers each packet once: a replayed, an old and a changed one are dropped',
  },
  {
    broken: 'an older list of members is not accepted',
    file: 'services/net/membership.ts',
    find: 'if (offered.number <= this.#current.number) return false;',
    replace: '',
    project: 'runtime',
    test: 'test/services/net/membership.test.ts',
    name: 'takes newer lists, and never an older one or another of the same number',
  },
  {
    broken: 'a manager lets in whom its list admits alone',
    file: 'services/net/control/introduction.ts',
    find: 'if (!admits(remote)) throw notAdmitted(remote);',
    replace: '',
    project: 'runtime',
    test: 'test/services/net/control/introduction.test.ts',
    name: 'that wants a list gets none',
  },
  {
    broken: 'a node follows a manager that a newer list makes one alone',
    file: 'services/net/control/introduction.ts',
    find: 'if (!isWanted(remote)) throw notAdmitted(remote, why);',
    replace: '',
    project: 'runtime',
    test: 'test/services/net/control/introduction.test.ts',
    name: 'is refused when it shows a newer list in which it is a node',
  },
  {
    broken: 'who is on no newer list loses its circuits at once',
    file: 'services/manager/manager.ts',
    find: 'this.#circuits.expel(admits);',
    replace: '',
    project: 'runtime',
    test: 'test/services/manager/members.test.ts',
    name: 'ends links, circuits and names of who is not in it at once',
  },
  {
    broken: 'a certificate expires',
    file: 'services/net/certificate.ts',
    find: 'if (late > 0) {',
    replace: 'if (Number.isNaN(late)) {',
    project: 'runtime',
    test: 'test/services/net/certificate.test.ts',
    name: 'tells whose static key it is, until it expires',
  },
  {
    broken: 'a node links with admitted nodes alone',
    file: 'services/node/neighbours.ts',
    find: 'accept: admit,',
    replace: 'accept: () => true,',
    project: 'runtime',
    test: 'test/services/node/neighbours.test.ts',
    name: 'that are not admitted are refused, by whoever is dialled and by whoever dials',
  },
  {
    broken: 'a SOCKS server opens nothing in private networks unless told to',
    file: 'services/socks/server/egress.ts',
    find: '...closedRanges.map((text) => standing(false, text)),',
    replace: '',
    project: 'runtime',
    test: 'test/services/socks/server/egress.test.ts',
    name: 'opens of IPv6 nothing but global unicast and NAT64',
  },
  {
    broken: 'the kill switch of the VPN outlives its client',
    file: 'services/vpn/system/kill-switch.ts',
    find: 'type filter hook output priority filter; policy drop;',
    replace: 'type filter hook output priority filter; policy accept; accept;',
    project: 'mesh',
    test: 'test/services/vpn/undone.test.ts',
    name: 'holds when the client is killed, is taken over by its next run, and opens when that one ends',
  },
  {
    broken: 'what is kept is flushed',
    file: 'services/net/durable-file.ts',
    find: 'await handle.writeFile(content);\n  await handle.sync();',
    replace: 'await handle.writeFile(content);',
    project: 'image',
    test: 'test/image/power-cuts.test.ts',
    name: 'loses nothing that was kept when the power is cut, leaves nothing half written, and boots',
  },
  {
    broken: 'an app does not see what others keep',
    file: sandbox,
    find: 'InaccessiblePaths=-/data -/boot -/run/launches -/run/dbus -/run/systemd/private\n',
    replace: '',
    project: 'image',
    test: 'test/image/hostile.test.ts',
    name: 'is refused all that it would read, write, speak to and become',
  },
  {
    broken: 'a supervisor that hangs is started again',
    file: 'image/rootfs-overlay/usr/lib/systemd/system/viscript.service',
    find: 'WatchdogSec=30\n',
    replace: '',
    project: 'image',
    test: 'test/image/recovery.test.ts',
    name: 'is back in service when viscript hangs',
  },
];
