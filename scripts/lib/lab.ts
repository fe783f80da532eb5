import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '../../image/run.ts';

/** A machine of its own as far as the network goes: a network namespace. */
export interface Host {
  readonly name: string;
  /** Name of its network namespace. */
  readonly namespace: string;
  /** Addresses by the name of the host at the other end of the cable. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Runs a program here; it is ended with the lab. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Bytes that were sent on the cable to this neighbour. */
  sentTo(neighbour: string): Promise<number>;
  /** Bytes that came on the cable to this neighbour. */
  receivedFrom(neighbour: string): Promise<number>;
  /** Name of the interface with the cable to this neighbour. */
  device(neighbour: string): string;
  /** Pulls the cable to this neighbour out here, or puts it in again; see {@link Lab.cut} for both ends. */
  setLink(neighbour: string, state: 'up' | 'down'): Promise<void>;
  /** Runs a command to its end. @returns its standard output */
  run(command: string, ...args: string[]): Promise<string>;
}

/** Numbers the labs of this process, for names of namespaces and interfaces that are unique on the machine. */
let labs = 0;

/**
 * Hosts joined by cables, made of network namespaces and veth pairs of this lab's own. Needs root. Everything is
 * removed with `await using`, processes first.
 */
export class Lab implements AsyncDisposable {
  readonly #prefix = `sky${process.pid.toString(36)}${(labs++).toString(36)}`;
  readonly #hosts = new Map<string, LabHost>();
  readonly #cables = new Map<string, [LabHost, LabHost]>();
  #networks = 0;

  async host(name: string): Promise<Host> {
    const host = new LabHost(name, `${this.#prefix}-${name}`);
    await run('ip', ['netns', 'add', host.namespace]);
    this.#hosts.set(name, host);
    await host.run('ip', 'link', 'set', 'lo', 'up');
    return host;
  }

  /** Joins two hosts by a cable; each gets an address of a small network of their own, 198.18.0.0/15 (RFC 2544). */
  async connect(one: string, other: string): Promise<void> {
    const number = this.#cables.size;
    const names = [`${this.#prefix}.${number}a`, `${this.#prefix}.${number}b`] as const;
    await run('ip', ['link', 'add', names[0], 'type', 'veth', 'peer', 'name', names[1]]);
    await this.plug(one, other, names);
  }

  /** Like {@link connect}, with a cable of the caller's: the interfaces of this machine that are its ends. */
  async plug(one: string, other: string, interfaces: readonly [string, string]): Promise<void> {
    const ends = [this.#host(one), this.#host(other)] as const;
    for (const [at, { namespace }] of ends.entries())
      await run('ip', ['link', 'set', interfaces[at] ?? '', 'netns', namespace]);
    this.#cables.set(nameOf(one, other), [...ends]);
    const addresses = this.#network();
    for (const [at, host] of ends.entries()) {
      const neighbour = ends[1 - at]?.name ?? '';
      host.attach(neighbour, interfaces[at] ?? '');
      await host.address(neighbour, addresses[at] ?? '');
      await host.setLink(neighbour, 'up');
    }
  }

  /** Both ends of a cable get addresses of another network; of the two hosts only `other` keeps the one it had too. */
  async move(one: string, other: string): Promise<void> {
    const [host, neighbour] = [this.#host(one), this.#host(other)];
    const [first, second] = this.#network();
    await host.forget(other);
    await host.address(other, first);
    await neighbour.address(one, second);
  }

  /** Pulls the cable out: both hosts see that it has gone. */
  async cut(one: string, other: string): Promise<void> {
    for (const host of this.#cable(one, other)) await host.setLink(host.name === one ? other : one, 'down');
  }

  async mend(one: string, other: string): Promise<void> {
    for (const host of this.#cable(one, other)) await host.setLink(host.name === one ? other : one, 'up');
  }

  /** Nothing that `from` sends to `to` arrives any more, and nobody is told; the other direction works. */
  async blackHole(from: string, to: string): Promise<void> {
    await this.#host(from).misdirect(to, this.#host(to));
  }

  /** Ends what {@link blackHole} began. */
  async unblock(from: string, to: string): Promise<void> {
    await this.#host(from).direct(to, this.#host(to));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.values()) await host.endProcesses();
    // Its interfaces go with a namespace, and the other end of a cable with the first.
    for (const { namespace } of this.#hosts.values()) await run('ip', ['netns', 'delete', namespace]);
  }

  /** Two addresses of a network that nobody else has. */
  #network(): [string, string] {
    const number = this.#networks++;
    const [high, low] = [number >> 6, (number % 64) * 4];
    return [`198.18.${high}.${low + 1}`, `198.18.${high}.${low + 2}`];
  }

  #host(name: string): LabHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name} in this lab`);
    return host;
  }

  #cable(one: string, other: string): [LabHost, LabHost] {
    const cable = this.#cables.get(nameOf(one, other));
    if (cable === undefined) throw new Error(`no cable joins ${one} and ${other}`);
    return cable;
  }
}

class LabHost implements Host {
  readonly name: string;
  readonly namespace: string;
  readonly addresses = new Map<string, string>();
  readonly #devices = new Map<string, string>();
  readonly #processes = new Set<ChildProcess>();

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
  }

  attach(neighbour: string, device: string): void {
    this.#devices.set(neighbour, device);
  }

  async address(neighbour: string, address: string): Promise<void> {
    await this.run('ip', 'address', 'add', `${address}/30`, 'dev', this.device(neighbour));
    this.addresses.set(neighbour, address);
  }

  /** Takes all addresses off the cable to this neighbour. */
  async forget(neighbour: string): Promise<void> {
    await this.run('ip', 'address', 'flush', 'dev', this.device(neighbour));
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.namespace, command, ...args], options);
    this.#processes.add(child);
    child.once('exit', () => this.#processes.delete(child));
    return child;
  }

  async run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('ip', ['netns', 'exec', this.namespace, command, ...args]);
    return stdout;
  }

  sentTo(neighbour: string): Promise<number> {
    return this.#count(neighbour, 'tx_bytes');
  }

  receivedFrom(neighbour: string): Promise<number> {
    return this.#count(neighbour, 'rx_bytes');
  }

  device(neighbour: string): string {
    const device = this.#devices.get(neighbour);
    if (device === undefined) throw new Error(`${this.name} has no cable to ${neighbour}`);
    return device;
  }

  async setLink(neighbour: string, state: 'up' | 'down'): Promise<void> {
    await this.run('ip', 'link', 'set', this.device(neighbour), state);
  }

  /** Sends what is for the neighbour to a hardware address that nobody has. */
  async misdirect(neighbour: string, other: Host): Promise<void> {
    await this.#neigh('replace', neighbour, other, 'lladdr', '02:00:00:00:00:00', 'nud', 'permanent');
  }

  async direct(neighbour: string, other: Host): Promise<void> {
    await this.#neigh('delete', neighbour, other);
  }

  async endProcesses(): Promise<void> {
    await Promise.all(
      [...this.#processes].map(async (child) => {
        const exited = once(child, 'exit');
        // A stopped process gets no other signal.
        child.kill('SIGKILL');
        await exited;
      }),
    );
  }

  async #neigh(verb: string, neighbour: string, other: Host, ...more: string[]): Promise<void> {
    const address = other.addresses.get(this.name) ?? '';
    await this.run('ip', 'neigh', verb, address, 'dev', this.device(neighbour), ...more);
  }

  async #count(neighbour: string, counter: 'rx_bytes' | 'tx_bytes'): Promise<number> {
    return Number(await this.run('cat', `/sys/class/net/${this.device(neighbour)}/statistics/${counter}`));
  }
}

function nameOf(one: string, other: string): string {
  return [one, other].sort().join('–');
}
