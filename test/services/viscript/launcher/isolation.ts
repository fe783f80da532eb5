import assert from 'node:assert/strict';
import type { Compliance } from './compliance.ts';

/** What the launcher of a board promises besides: each app in a sandbox of its own that outlives the supervisor. */
export const isolation: Compliance[] = [
  {
    promise: 'gives every launch a uid of its own and no capability',
    async keep(lab) {
      const script = 'id -u; grep CapBnd /proc/self/status; exec sleep 1000';
      const runs = [await lab.launch({ script }), await lab.launch({ script })];
      const uids = await Promise.all(
        runs.map(async (run) => (await run.wrote(/^(\d{5,})\nCapBnd:\t0+$/m))[1]),
      );
      assert.notEqual(uids[0], uids[1]);
    },
  },
  {
    promise: 'shows an app its own processes only, and nothing of the board’s secrets',
    async keep(lab) {
      const other = await lab.launch({ script: 'echo up; exec sleep 1000' });
      await other.wrote(/up/);
      const probes = [
        'ls /run/launches/spec',
        'ls /data/viscript',
        'ls /run/viscript/input',
        'ls /run/dbus',
        'cat /run/credentials/*lab.service/launch',
        `cat /proc/${other.process.pid}/environ`,
        'echo x > /usr/x',
        'head -c1 /dev/vda',
      ];
      const script = `${probes.map((probe) => `{ ${probe}; } >/dev/null 2>&1 && echo 'ALLOWED ${probe}'`).join('\n')}
        ls /proc | grep -c '^[0-9]'; echo done`;
      const run = await lab.launch({ script, app: { name: 'spy' } });
      await run.wrote(/^done$/m);
      assert.match(run.output, /^[1-4]\ndone\n$/);
    },
  },
  {
    promise: 'gives the capability that the entry names, and only that',
    async keep(lab) {
      const run = await lab.launch({
        script: 'grep CapEff /proc/self/status; head -c1 /dev/net/tun 2>&1; echo done',
        app: { capabilities: ['CAP_NET_ADMIN'] },
      });
      await run.wrote(/^done$/m);
      assert.match(run.output, /^CapEff:\t0000000000001000$/m);
      // "File descriptor in bad state": the device was opened and has no interface yet.
      assert.match(run.output, /File descriptor in bad state/);
    },
  },
  {
    promise:
      'lets into the folder of the node’s socket only an app that asks for the mesh, and none write there',
    async keep(lab) {
      const script = [
        'ls /run/skywire >/dev/null 2>&1 && echo in',
        'touch /run/skywire/own 2>/dev/null && echo wrote',
        'echo done',
      ].join('\n');
      const other = await lab.launch({ script });
      await other.wrote(/^done$/m);
      assert.equal(other.output, 'done\n');
      const meshed = await lab.launch({ script, app: { mesh: true } });
      await meshed.wrote(/^done$/m);
      assert.equal(meshed.output, 'in\ndone\n');
    },
  },
  {
    promise: 'starts nothing under a capability that the image has no unit for',
    async keep(lab) {
      const run = await lab.launch({ script: 'id', app: { capabilities: ['CAP_SYS_ADMIN'] } });
      const { cause, message } = await run.process.exited;
      assert.equal(cause, 'start-failed');
      assert.match(message ?? '', /no unit for the capabilities CAP_SYS_ADMIN/);
    },
  },
  {
    promise: 'kills an app over its memory limit and says why, and forgets the limit with the launch',
    async keep(lab) {
      const script = 'head -c 40000000 /dev/zero | tail -c 40000000 | wc -c';
      const small = await lab.launch({
        script: `${script}; exit 5`,
        app: { limits: { memory: 24 * 2 ** 20 } },
      });
      assert.equal((await small.process.exited).cause, 'oom');
      const large = await lab.launch({ script });
      assert.equal((await large.process.exited).code, 0);
      assert.match(large.output, /^40000000$/m);
    },
  },
  {
    promise: 'keeps the files of an app for its next launch',
    async keep(lab) {
      const first = await lab.launch({ script: 'echo kept > "$STATE_DIRECTORY/note"' });
      assert.equal((await first.process.exited).code, 0);
      const second = await lab.launch({ script: 'cat "$STATE_DIRECTORY/note"; rm "$STATE_DIRECTORY/note"' });
      await second.wrote(/^kept$/m);
    },
  },
  {
    promise: 'leaves apps running while the supervisor restarts, input and output included',
    async keep(lab) {
      const script = 'echo up; while read -r line; do echo "got $line"; done';
      const before = await lab.launch({ script, app: { daemon: false } });
      await before.wrote(/up/);
      const [after] = await lab.replaceLauncher();
      assert.equal(after?.id, before.id);
      assert.equal(after?.process.pid, before.process.pid);
      after?.process.write('a line\n');
      await after?.wrote(/^got a line$/m);
      await after?.process.kill('SIGTERM');
      assert.equal((await after?.process.exited)?.signal, 'SIGTERM');
    },
  },
  {
    promise: 'tells how an app ended while no supervisor was there',
    async keep(lab) {
      const run = await lab.launch({ script: 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done' });
      await run.wrote(/up/);
      const { pid = 0 } = run.process;
      await run.process.kill('SIGTERM');
      const [after] = await lab.replaceLauncher();
      const status = await after?.process.exited;
      assert.deepEqual(
        { id: after?.id, code: status?.code, cause: status?.cause },
        { id: run.id, code: 9, cause: 'exit' },
      );
      assert.ok(pid > 0);
    },
  },
];
