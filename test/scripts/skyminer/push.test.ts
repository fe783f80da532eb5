import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addBoards, createRack } from '../../../image/rack/rack.ts';
import { listenOnTcp } from '../../../services/signal/accept.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');
const PASSPHRASE = 'correct horse battery';

let home: string;
let folder: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'push é '));
  folder = join(home, 'rack');
  await createRack(folder, PASSPHRASE);
  const roles = ['node'] as const;
  await addBoards(folder, PASSPHRASE, [
    { board: 'node1', roles },
    { board: 'node2', roles },
  ]);
}, 120_000);

afterAll(() => rm(home, { recursive: true }));

function push(...words: string[]) {
  return spawnSync(process.execPath, [main, 'rack', 'push', ...words], {
    ...({ encoding: 'utf8', input: '', cwd: home } as const),
  });
}

describe('skyminer rack push', () => {
  it('says what is missing before it calls anybody', () => {
    expect(push('--ssh-config', 'none')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'skyminer: none is not there: name a configuration of ssh with --ssh-config FILE\n',
    });
    expect(push('node1', 'node3')).toMatchObject({
      status: 1,
      stderr: 'skyminer: list number 2 has no board node3: it has node1, node2\n',
    });
  });

  it('says of each board that cannot be reached why, and fails', async () => {
    // A port on which nobody listens any more.
    const server = createServer();
    await listenOnTcp(server, { host: '127.0.0.1', port: 0 });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const config = join(home, 'config');
    await writeFile(config, `Host node*\n  HostName 127.0.0.1\n  Port ${port}\n  LogLevel ERROR\n`);
    const { status, stdout } = push('--ssh-config', config);
    expect(status).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const [at, board] of ['node1', 'node2'].entries())
      expect(lines[at + 1]).toMatch(new RegExp(`^${board}  did not take it: ssh: .*Connection refused`));
    const json = JSON.parse(push('node2', '--json', '--ssh-config', config).stdout);
    expect(json).toMatchObject({ number: 2, boards: [{ board: 'node2', outcome: 'failed' }] });
  });
});
