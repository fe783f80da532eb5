import assert from 'node:assert/strict';
import { ProcessGone } from '../../../../services/viscript/launcher/launcher.ts';
import { readStat } from '../../../../services/viscript/launcher/proc.ts';
import type { Lab } from './lab.ts';
import { hostileWords } from './support.ts';

/** Something that a launcher keeps; `keep` throws when it does not. */
export interface Compliance {
  promise: string;
  keep(lab: Lab): Promise<void>;
}

/** What every launcher promises: needs no test framework, so that it runs on a board as well. */
export const compliance: Compliance[] = [
  {
    promise: 'hands every argument to the program as it was',
    async keep(lab) {
      const run = await lab.launch({
        script: `printf '%s\\0' "$@" | base64 -w 0; echo .`,
        args: hostileWords,
      });
      const [, encoded = ''] = await run.wrote(/^(.*)\.$/m);
      assert.deepEqual(Buffer.from(encoded, 'base64').toString().split('\0').slice(0, -1), hostileWords);
    },
  },
  {
    promise: 'hands every variable to the program as it was, and none of the supervisor’s own',
    async keep(lab) {
      process.env.OF_THE_SUPERVISOR = 'secret';
      const value = hostileWords.join('|');
      const run = await lab.launch({
        script: 'printf %s "$ASKED" | base64 -w 0; echo ".$OF_THE_SUPERVISOR"',
        environment: { PATH: '/usr/bin:/bin', ASKED: value },
      });
      const [, encoded = '', leaked] = await run.wrote(/^(.*)\.(.*)$/m);
      assert.equal(Buffer.from(encoded, 'base64').toString(), value);
      assert.equal(leaked, '');
    },
  },
  {
    promise: 'starts the program in the folder that was asked for',
    async keep(lab) {
      const run = await lab.launch({ script: 'pwd', cwd: '/usr/share' });
      assert.equal((await run.wrote(/.+/))[0], '/usr/share');
    },
  },
  {
    promise: 'has delivered all output when it tells the end',
    async keep(lab) {
      const run = await lab.launch({
        script: 'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done',
      });
      await run.process.exited;
      assert.equal(run.output.match(/^line \d+$/gm)?.length, 300);
      assert.match(run.output, /^line 299$/m);
    },
  },
  {
    promise: 'tells the exit code',
    async keep(lab) {
      const run = await lab.launch({ script: 'exit 7' });
      const { code, signal, cause } = await run.process.exited;
      assert.deepEqual({ code, signal, cause }, { code: 7, signal: null, cause: 'exit' });
    },
  },
  {
    promise: 'tells the signal that ended it',
    async keep(lab) {
      const run = await lab.launch({ script: 'kill -USR1 $$' });
      const { code, signal, cause } = await run.process.exited;
      assert.deepEqual({ code, signal, cause }, { code: null, signal: 'SIGUSR1', cause: 'signal' });
    },
  },
  {
    promise: 'lets a program that gets SIGTERM end in its own way',
    async keep(lab) {
      const run = await lab.launch({
        script: 'trap "echo draining; exit 3" TERM; echo up; while :; do sleep 0.1; done',
      });
      await run.wrote(/up/);
      await run.process.kill('SIGTERM');
      const { code, cause } = await run.process.exited;
      assert.deepEqual({ code, cause }, { code: 3, cause: 'exit' });
      assert.match(run.output, /draining/);
    },
  },
  {
    promise: 'ends a program that ignores SIGTERM by SIGKILL',
    async keep(lab) {
      const run = await lab.launch({ script: 'trap "" TERM; echo up; while :; do sleep 0.1; done' });
      await run.wrote(/up/);
      await run.process.kill('SIGTERM');
      await run.process.kill('SIGKILL');
      assert.equal((await run.process.exited).signal, 'SIGKILL');
    },
  },
  {
    promise: 'kills descendants that detached and ignore signals along with it',
    async keep(lab) {
      const run = await lab.launch({ script: `${detachedChild} echo up; while :; do sleep 1; done` });
      await run.wrote(/up/);
      const [, child = ''] = await run.wrote(/^child (\d+)$/m);
      await run.process.kill('SIGKILL');
      await run.process.exited;
      assert.equal(await isAlive(Number(child)), false);
    },
  },
  {
    promise: 'leaves no descendant behind when the program ends by itself',
    async keep(lab) {
      const run = await lab.launch({
        script: `${detachedChild} read -r line; exit 0`,
        app: { daemon: false },
      });
      const [, child = ''] = await run.wrote(/^child (\d+)$/m);
      run.process.write('now\n');
      await run.process.exited;
      assert.equal(await isAlive(Number(child)), false);
    },
  },
  {
    promise: 'tells a start that fails as an end, and does not throw',
    async keep(lab) {
      for (const file of ['/nowhere/at/all', '/etc/passwd']) {
        const run = await lab.launch({ file });
        const { cause, message } = await run.process.exited;
        assert.equal(cause, 'start-failed');
        assert.ok(message?.includes(file), message);
      }
    },
  },
  {
    promise: 'feeds standard input to an app that reads, and to no daemon',
    async keep(lab) {
      const reader = await lab.launch({
        script: 'echo up; read -r line; echo "got $line"',
        app: { daemon: false },
      });
      await reader.wrote(/up/);
      assert.equal(reader.process.write('hello there\n'), true);
      await reader.wrote(/^got hello there$/m);
      const daemon = await lab.launch({ script: 'cat; echo nothing to read' });
      assert.equal(daemon.process.write('hello\n'), false);
      await daemon.wrote(/^nothing to read$/m);
    },
  },
  {
    promise: 'measures all processes of a launch together, until its end',
    async keep(lab) {
      const script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000 & echo up; wait';
      const run = await lab.launch({ script });
      await run.wrote(/up/);
      const usage = await run.process.usage();
      assert.equal(usage.processes, 2);
      assert.ok(usage.threads >= 2 && usage.rss > 0 && usage.cpuSeconds > 0, JSON.stringify(usage));
      assert.ok(run.process.pid !== undefined && (await isAlive(run.process.pid)));
      await run.process.kill('SIGKILL');
      await run.process.exited;
      await assert.rejects(run.process.usage(), ProcessGone);
    },
  },
  {
    promise: 'takes a kill after the end as done',
    async keep(lab) {
      const run = await lab.launch({ script: 'exit 0' });
      await run.process.exited;
      await run.process.kill('SIGTERM');
      await run.process.kill('SIGKILL');
    },
  },
  {
    promise: 'keeps launches at the same time, of the same app too, apart',
    async keep(lab) {
      const numbers = [1, 2, 3, 4];
      const runs = await Promise.all(
        numbers.map((n) => lab.launch({ script: `echo "this is ${n}"; exit ${n}` })),
      );
      const codes = await Promise.all(runs.map(async (run) => (await run.process.exited).code));
      assert.deepEqual(codes, numbers);
      assert.deepEqual(
        runs.map((run) => run.output),
        numbers.map((n) => `this is ${n}\n`),
      );
    },
  },
];

/** Starts a child in a session of its own that ignores every polite signal, and says its pid. */
const detachedChild = `setsid sh -c 'trap "" TERM HUP INT; echo "child $$"; while :; do sleep 1; done' &`;

/** A zombie is none: it only waits for its new parent to take notice. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readStat(pid);
  return stat !== undefined && stat.state !== 'Z';
}
