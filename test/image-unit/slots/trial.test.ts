import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newStatePartition } from '../../../image/disk/state.ts';
import { changeState, readNote, writeNote } from '../../../image/disk/state-device.ts';
import { lastLinesOf, lookAt } from '../../../image/slots/look.ts';
import { watchTrial } from '../../../image/slots/trial.ts';
import { readRecord } from '../../../services/slots/record.ts';
import { ControlServer } from '../../../services/viscript/control/server.ts';
import { startSupervisor, temporaryFolder, until } from '../../services/viscript/support.ts';

const READY = 'apps: { sleeper: { path: sleep, default_args: ["1000"], autostart: true } }';
const NOT_READY =
  'apps: { greeter: { path: sh, default_args: [-c, "echo no greeting today; exit 3"], autostart: true } }';

const machine = {
  ...{ version: '1', host: 'test', slot: 'B', slotReason: undefined, lastEnd: undefined },
  ...{
    uptime: () => 1,
    troubles: async () => [],
    temperatures: async () => [],
    slots: async () => undefined,
  },
};

/** A supervisor as a board has it, with its slot state and what it remembers. */
async function board(yaml: string) {
  const running = await startSupervisor(yaml);
  const folder = await temporaryFolder();
  const controlSocket = join(folder.path, 'control.sock');
  const server = new ControlServer({
    ...{ path: controlSocket, socketMode: 0o600, supervisor: running.supervisor, machine },
  });
  await server.listen();
  const device = join(folder.path, 'state');
  await writeFile(device, newStatePartition(2 ** 20));
  changeState(device, () => ({ first: 'B', left: { A: 3, B: 0 } }));
  writeNote(device, 'B', '0 systemd\n');
  for (const name of ['trial', 'fall-back']) await writeFile(join(folder.path, name), '');
  return {
    ...{ running, controlSocket, device, folder: folder.path, record: join(folder.path, 'slots.json') },
    async [Symbol.asyncDispose]() {
      await server.close();
      await running[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Watches a trial whose minute is two looks long. */
function watch(on: Awaited<ReturnType<typeof board>>, controlSocket = on.controlSocket) {
  const said: string[] = [];
  let now = 0;
  const result = watchTrial({
    ...{ slot: 'B', version: '2.0.0-bb', left: '0', device: on.device, record: on.record, folder: on.folder },
    ...{ untilMs: 120_000, calmMs: 60_000, clock: () => now, look: () => lookAt(controlSocket) },
    explain: async ({ about }) =>
      typeof about === 'object' ? (await lastLinesOf(controlSocket, about.app, 1)).join() : '',
    next: async () => {
      now += 30_000;
    },
    log: (text) => said.push(text),
  });
  return { result, said };
}

async function stateOf({ device }: { device: string }) {
  let left = { A: -1, B: -1 };
  changeState(device, (state) => {
    left = state.left;
    return undefined;
  });
  return left;
}

describe('the trial of a slot', () => {
  it('is passed by a board that is in order: its version is confirmed, and it has all attempts', async () => {
    await using on = await board(READY);
    const [launch] = on.running.supervisor.launches;
    if (launch === undefined) throw new Error('the app starts by itself');
    await until(launch, () => launch.state === 'ready');
    const { result, said } = watch(on);
    expect(await result).toBe('passed');
    expect(said.at(-1)).toBe('slot B works: 2.0.0-bb is confirmed');
    expect((await readRecord(on.record))?.slots.B).toMatchObject({
      version: '2.0.0-bb',
      confirmed: expect.stringMatching(/^20/),
    });
    expect(await stateOf(on)).toEqual({ A: 3, B: 3 });
    expect(readNote(on.device, 'B')).toBe('');
    const marks = await readdir(on.folder);
    expect(marks).toContain('good');
    for (const name of ['trial', 'fall-back']) expect(marks).not.toContain(name);
  });

  it('is failed by an app that is never ready: why is kept twice, and the attempt stays counted', async () => {
    await using on = await board(NOT_READY);
    const [launch] = on.running.supervisor.launches;
    if (launch === undefined) throw new Error('the app starts by itself');
    await until(launch, () => launch.state === 'failing');
    expect(await watch(on).result).toBe('failed');
    const why = /^app greeter is (failing|starting), not ready; it exited with code 3: no greeting today$/;
    expect((await readRecord(on.record))?.failure?.reason).toMatch(why);
    expect(readNote(on.device, 'B').replace(/^0 failed /, '')).toMatch(why);
    expect(await stateOf(on)).toEqual({ A: 3, B: 0 });
    expect(await readdir(on.folder)).toEqual(expect.arrayContaining(['told', 'fall-back']));
  });

  it('is failed by a board whose supervisor does not answer', async () => {
    await using on = await board(READY);
    expect(await watch(on, join(on.folder, 'nobody')).result).toBe('failed');
    expect((await readRecord(on.record))?.failure).toMatchObject({
      ...{ slot: 'B', reason: 'the supervisor did not run', over: false },
    });
  });

  it('leaves a board alone that has nothing better to start, as long as it can be spoken to', async () => {
    await using on = await board(NOT_READY);
    await rm(join(on.folder, 'fall-back'));
    expect(await watch(on).result).toBe('stays');
    expect(await stateOf(on)).toEqual({ A: 3, B: 3 });
    expect((await readRecord(on.record))?.slots.B?.confirmed).toBeUndefined();
    expect((await readRecord(on.record))?.failure?.reason).toMatch(/^app greeter/);
    expect(await readdir(on.folder)).not.toContain('trial');
  });
});
