import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { parseBackup } from '../../../../image/backup/document.ts';
import { runCommand } from '../../../../services/viscript/commands/table.ts';
import { InputQueue } from '../../../../services/viscript/control/input-queue.ts';
import { type BoardRig, boardRig, listenForBackups } from '../../../image-unit/backup/support.ts';
import { startSupervisor } from '../support.ts';

afterEach(() => vi.unstubAllEnvs());

async function backup(json = false) {
  const started = await startSupervisor('apps: {}\n');
  onTestFinished(() => started[Symbol.asyncDispose]());
  const { supervisor } = started;
  vi.stubEnv('VISCRIPT_OWN_CONFIG', supervisor.config.file);
  const output = { stdout: '', stderr: '' };
  const machine = {
    ...{ version: '0.5.0', host: 'here', slot: undefined, slotReason: undefined, lastEnd: undefined },
    ...{
      uptime: () => 0,
      troubles: async () => [],
      temperatures: async () => [],
      slots: async () => undefined,
    },
  };
  const status = await runCommand(['backup'], {
    ...{ supervisor, machine, json, color: false, columns: 0 },
    input: new InputQueue(() => undefined),
    signal: new AbortController().signal,
    bytes: () => undefined,
    drained: async () => undefined,
    quit: () => undefined,
    write(stream, written) {
      output[stream] += written;
    },
  });
  return { status, ...output };
}

async function onBoard(changes: Record<string, string> = {}): Promise<BoardRig> {
  const rig = await boardRig(changes);
  vi.stubEnv('VISCRIPT_BACKUP_SOCKET', await listenForBackups(rig));
  return rig;
}

it('prints what the board has made, with the config of the owner', async () => {
  const rig = await onBoard();
  const { status, stdout } = await backup();
  expect(status).toBe(0);
  expect(parseBackup(stdout)).toMatchObject({
    ...{ board: 'node3', key: rig.board.publicKey, image: '0.5.0', config: 'apps: {}\n' },
  });
  const json = JSON.parse((await backup(true)).stdout);
  expect(parseBackup(json.backup).board).toBe('node3');
});

it('says why there is none', async () => {
  await onBoard({ backup_key: '' });
  expect(await backup()).toMatchObject({
    status: 1,
    stdout: '',
    stderr:
      "no backup was made: this board knows no backup_key: make its card anew with 'skyminer provision'\n",
  });
  vi.stubEnv('VISCRIPT_BACKUP_SOCKET', join(import.meta.dirname, 'nothing.sock'));
  expect((await backup()).stderr).toMatch(/^no backup was made: connect ENOENT .*; only a board has one\n$/);
});
