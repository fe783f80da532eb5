import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { Bus, DBusError } from '../../../../services/viscript/launcher/dbus.ts';
import {
  type Ask,
  asBefore,
  bus,
  impossibleAsks,
  logind,
  NEVER,
  refusedAsks,
  rootService,
  systemd,
  TRACE,
  touch,
  transient,
} from './asks.ts';
import type { Compliance } from './compliance.ts';
import type { Lab, Run } from './lab.ts';

/** Every name on the bus that does something for others: what is new here has to be looked at. */
const services = [
  'de.pengutronix.rauc',
  'org.freedesktop.DBus',
  'org.freedesktop.PolicyKit1',
  'org.freedesktop.hostname1',
  'org.freedesktop.locale1',
  'org.freedesktop.login1',
  'org.freedesktop.network1',
  'org.freedesktop.resolve1',
  'org.freedesktop.systemd1',
  'org.freedesktop.timedate1',
  'org.freedesktop.timesync1',
];

const DENIED = 'org.freedesktop.DBus.Error.AccessDenied';

/** What a board does over D-Bus for the user viscript, and what it does not: see 50-viscript.rules. */
export const privileges: Compliance[] = [
  {
    promise: 'is refused every unit but those of apps, and every other way to have root do something',
    async keep(lab) {
      const app = await runningUnit(lab);
      await using board = await open();
      const link = await networkCard();
      const expected: [Ask, string][] = refusedAsks(app.unit, link).map((ask) => [ask, DENIED]);
      const before = await board.stateOf(asBefore);
      for (const [ask, reason] of [...expected, ...impossibleAsks(app.unit, link)]) {
        const [, member, , ...body] = ask;
        assert.equal(await board.errorOf(ask), reason, `${member} ${JSON.stringify(body)}`);
      }
      assert.equal(await board.stateOf(asBefore), before);
      assert.equal(existsSync(TRACE), false);
    },
  },
  {
    promise: 'finds nobody else on the bus whom it could ask',
    async keep() {
      await using board = await open();
      const [names] = await board.call([bus, 'ListActivatableNames', '']);
      const [running] = await board.call([bus, 'ListNames', '']);
      assert.ok(Array.isArray(names) && Array.isArray(running));
      const known = [...names, ...running].map(String).filter((name) => !name.startsWith(':'));
      assert.deepEqual([...new Set(known)].sort(), services);
    },
  },
  {
    promise: 'can make no unit of its own under the name of an app’s, with others beside it or alone',
    async keep() {
      await using board = await open();
      for (const ask of [
        transient(NEVER),
        transient(NEVER, [['evil.service', rootService]]),
        transient('viscript-app-mesh-net_admin@never.service', [['evil.service', rootService]]),
      ]) {
        assert.equal(await board.errorOf(ask), 'org.freedesktop.systemd1.UnitExists');
      }
      assert.equal(existsSync(TRACE), false);
    },
  },
  {
    promise: 'can set the limits of an app’s unit and nothing of what the unit says',
    async keep() {
      await using board = await open();
      const set = (property: unknown) =>
        board.errorOf([systemd, 'SetUnitProperties', 'sba(sv)', NEVER, true, [property]]);
      assert.equal(await set(['MemoryMax', ['t', '67108864']]), 'none');
      for (const property of [
        ...rootService,
        ['ExecStartPre', ['a(sasb)', touch]],
        ['ExecStopPost', ['a(sasb)', touch]],
        ['Environment', ['as', ['LD_PRELOAD=/data/viscript/evil.so']]],
        ['NotifyAccess', ['s', 'all']],
        ['Slice', ['s', 'system.slice']],
        ['DynamicUser', ['b', false]],
        ['ReadWritePaths', ['as', ['/']]],
        ['AmbientCapabilities', ['t', '1']],
        ['NoNewPrivileges', ['b', false]],
        ['Delegate', ['b', true]],
      ]) {
        const name = await set(property);
        assert.equal(name, 'org.freedesktop.DBus.Error.PropertyReadOnly', JSON.stringify(property));
      }
    },
  },
  {
    promise: 'gives no app a device by what it may set',
    async keep(lab) {
      const app = await runningUnit(lab, 'read -r _; head -c1 /dev/vda 2>&1; echo; echo done');
      await using board = await open();
      const properties = [
        ['DevicePolicy', ['s', 'auto']],
        ['DeviceAllow', ['a(ss)', [['/dev/vda', 'rw']]]],
      ];
      const set: Ask = [systemd, 'SetUnitProperties', 'sba(sv)', app.unit, true, properties];
      assert.equal(await board.errorOf(set), 'none');
      app.run.process.write('\n');
      await app.run.wrote(/^done$/m);
      assert.match(app.run.output, /\/dev\/vda.*No such file/);
    },
  },
  {
    promise: 'does to the units of apps what is on the list, and may restart the board and switch it off',
    async keep(lab) {
      const app = await runningUnit(lab);
      await using board = await open();
      const jobs: Ask[] = [
        [systemd, 'SetUnitProperties', 'sba(sv)', app.unit, true, [['TasksMax', ['t', '64']]]],
        [systemd, 'KillUnit', 'ssi', app.unit, 'all', 18],
        [systemd, 'ResetFailedUnit', 's', app.unit],
        [systemd, 'StartUnit', 'ss', app.unit, 'replace'],
        [systemd, 'StopUnit', 'ss', app.unit, 'replace'],
        // Who may restart the board may also say why: systemd's own policy.
        [logind, 'SetWallMessage', 'sb', 'why', true],
        [logind, 'SetWallMessage', 'sb', '', true],
      ];
      for (const ask of jobs) assert.equal(await board.errorOf(ask), 'none', ask[1]);
      await app.run.process.exited;
      // Neither is done here; the rescue menu's test restarts viscript and the board.
      for (const [member, answer] of Object.entries({ CanReboot: 'yes', CanPowerOff: 'yes', CanHalt: 'no' }))
        assert.deepEqual(await board.call([logind, member, '']), [answer], member);
      // systemd's own rule, for polkit sees no mode: no app's unit ends all others by its start.
      const isolate: Ask = [systemd, 'StartUnit', 'ss', app.unit, 'isolate'];
      assert.equal(await board.errorOf(isolate), 'org.freedesktop.systemd1.NoIsolation');
    },
  },
];

/** An app that runs, with the name of its unit. */
async function runningUnit(lab: Lab, script = 'exec sleep 1000'): Promise<{ run: Run; unit: string }> {
  const run = await lab.launch({ script, app: { daemon: false } });
  const cgroup = await readFile(`/proc/${run.process.pid}/cgroup`, 'utf8');
  const unit = /\/(viscript-app[^/]*\.service)$/m.exec(cgroup)?.[1];
  if (unit === undefined) throw new Error(`no unit of an app: ${cgroup}`);
  return { run, unit };
}

async function networkCard(): Promise<number> {
  const [card] = (await readdir('/sys/class/net')).filter((name) => name !== 'lo');
  if (card === undefined) throw new Error('this board has no network card');
  return Number(await readFile(`/sys/class/net/${card}/ifindex`, 'utf8'));
}

async function open() {
  const connection = await Bus.connect();
  const call = ([service, member, signature, ...body]: Ask) =>
    connection.call({ ...service, member }, signature, body);
  return {
    call,
    /** What a call ended with: the name of its error, or `none`. */
    async errorOf(ask: Ask): Promise<string> {
      try {
        await call(ask);
        return 'none';
      } catch (error) {
        if (!(error instanceof DBusError)) throw error;
        return error.errorName;
      }
    },
    /** What several questions are answered with, and where this process is. */
    async stateOf(asks: Ask[]): Promise<string> {
      const answers = await Promise.all(asks.map(call));
      return JSON.stringify([answers, await readFile('/proc/self/cgroup', 'utf8')]);
    },
    async [Symbol.asyncDispose]() {
      connection.close();
    },
  };
}
