import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameReader } from '../../../scripts/console/watch/protocol.ts';
import { watch } from '../../../scripts/console/watch/watch.ts';
import { hasSocat, type PtyPair } from '../../services/viscript/terminal/pty.ts';
import { DEADLINE_MS, type FarEnd, type Person, Rig } from './rig.ts';

let rig: Rig;
let pair: PtyPair;
let far: FarEnd;
let holder: Person;

beforeEach(async () => {
  rig = await Rig.open();
  if (!hasSocat) return;
  pair = await rig.pair();
  far = await rig.far(pair);
  holder = rig.onTerminal(pair.near);
  await holder.sees(/connected/);
}, DEADLINE_MS);

afterEach(() => rig[Symbol.asyncDispose]());

async function socket(): Promise<string> {
  const folder = join(rig.folder, 'skyminer-console');
  const name = (await readdir(folder)).find((entry) => entry.endsWith('.sock'));
  return join(folder, name ?? '');
}

/** Types a key until somebody has left by it: what was typed just before may be read together with it. */
async function leavesBy(watcher: Person, key: string): Promise<{ status: number; sameSettings: boolean }> {
  for (let round = 0; ; round++) {
    watcher.type(key);
    far.say(`round ${round}\r\n`);
    const seen = await watcher.sees(new RegExp(`round ${round}\\r|AFTER \\S+\\r?\\n`));
    if (seen.includes('AFTER')) return watcher.result;
  }
}

describe.skipIf(!hasSocat)('skyminer console --watch (needs socat)', () => {
  it('shows many what one console has, from what was said before on, and lets nobody type', async () => {
    far.say('said before\r\n');
    await holder.sees(/said before/);
    const watchers = [rig.onTerminal('--watch', pair.near), rig.onTerminal('--watch', pair.near)];
    for (const watcher of watchers) await watcher.sees(/Looking on at[\s\S]*said before/);
    const piped = rig.piped('--watch', pair.near);
    await piped.stdout.waitFor(/said before/, 60_000);
    watchers[0]?.type('not for the board');
    far.say('\x1b[?1049hfull screen');
    for (const watcher of watchers) await watcher.sees(/full screen/);
    expect(far.heard.text).toBe('');
    const [first] = watchers;
    if (first === undefined) throw new Error('nobody looks on');
    expect(await leavesBy(first, 'q')).toEqual({ status: 0, sameSettings: true });
    expect(first.transcript.text).toContain('\x1b[?1049l');
    // Whoever has left has read all that was typed.
    holder.type('typed by the holder');
    await far.hears(/typed by the holder/);
    expect(far.heard.text).toBe('typed by the holder');
    expect((await holder.leave()).status).toBe(0);
    await watchers[1]?.sees(/The console that had \S+ has ended/);
    expect(await watchers[1]?.left()).toEqual({ status: 0, sameSettings: true });
    expect(await piped.exited).toBe(0);
  });

  it('does not take for a key what a terminal answers, and ends with status 1 when it is interrupted', async () => {
    const watcher = rig.onTerminal('--watch', pair.near);
    await watcher.sees(/Looking on at/);
    watcher.type('\x1bP>|quick(1)\x1b\\');
    far.say('\x1b[>q');
    await watcher.sees(/\[>q/);
    far.say('goes on\r\n');
    await watcher.sees(/goes on/);
    const interrupted = rig.piped('--watch', pair.near);
    await interrupted.stdout.waitFor(/goes on/, DEADLINE_MS);
    interrupted.child.kill('SIGTERM');
    expect(await interrupted.exited).toBe(1);
    expect(interrupted.stderr.text).toMatch(/skyminer: interrupted\n$/);
    expect((await leavesBy(watcher, 'q')).status).toBe(0);
  });

  it('ends with what went wrong when its output is gone', async () => {
    const piped = rig.piped('--watch', pair.near);
    await piped.stdout.waitFor(/connected/, DEADLINE_MS);
    piped.child.stdout?.destroy();
    far.say('for nobody\r\n');
    expect(await piped.exited).toBe(1);
    expect(piped.stderr.text).toMatch(/\nskyminer: the output takes nothing any more: write EPIPE\n$/);
  });

  it('is over at once for a signal that came before', async () => {
    const streams = { input: new PassThrough(), output: new PassThrough(), messages: new PassThrough() };
    const signal = AbortSignal.abort();
    const watching = watch({ ...streams, path: await socket(), label: 'node1', signal });
    await expect(watching).rejects.toThrow('interrupted');
  });

  it('drops one who reads too slowly, tells them, and holds nobody up', async () => {
    const slow = connect(await socket());
    slow.pause();
    await new Promise((resolve) => slow.once('connect', resolve));
    const piece = `${'x'.repeat(1022)}\r\n`;
    // More than the kernel and the console keep for anybody.
    for (let round = 0; round < 8; round++) {
      far.say(`${piece.repeat(400)}round ${round}\r\n`);
      await holder.sees(new RegExp(`round ${round}`));
    }
    const reader = new FrameReader();
    const frames = [];
    for await (const chunk of slow) frames.push(...reader.read(chunk));
    expect(frames.at(-1)?.kind).toBe('dropped');
    expect(frames.at(-1)?.payload.toString()).toBe('you read too slowly');
    holder.type('still served');
    await far.hears(/still served/);
    await holder.leave();
  });

  it('takes nothing from those who look on', async () => {
    const path = await socket();
    const rude = connect(path);
    rude.resume();
    const closed = new Promise((resolve) => rude.once('close', resolve));
    rude.on('error', () => rude.destroy());
    rude.write('rm -rf\r');
    await closed;
    holder.type('x');
    await far.hears(/x/);
    expect(far.heard.text).toBe('x');
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    await holder.leave();
  });

  it('says so when nobody has the board, and a console that was killed leaves nothing in the way', async () => {
    const nobody = rig.onTerminal('--watch', '1-2.3');
    expect((await nobody.left()).status).toBe(1);
    expect(nobody.transcript.text).toContain("No 'skyminer console' of yours has 1-2.3");
    const other = await rig.pair();
    const killed = rig.piped(other.near);
    const otherFar = await rig.far(other);
    killed.type('is there');
    await otherFar.hears(/is there/);
    await killed[Symbol.asyncDispose]();
    const next = rig.onTerminal(other.near);
    await next.sees(/connected/);
    await next.leave();
  });

  it('takes no folder that others may enter', async () => {
    const folder = join(rig.folder, 'open');
    await mkdir(join(folder, 'skyminer-console'), { recursive: true });
    await chmod(join(folder, 'skyminer-console'), 0o755);
    const strange = rig.pipedIn({ XDG_RUNTIME_DIR: folder }, '--watch', pair.near);
    expect(await strange.end()).toBe(1);
    expect(strange.stderr.text).toContain('is no folder of yours alone');
    await holder.leave();
  });
});
