import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showSteps } from '../../../image/steps.ts';
import { download } from '../../../scripts/emulated-rack/download.ts';
import { runLocalMesh } from '../../../scripts/local-mesh/run.ts';
import { bundle } from '../../build-bundle.ts';
import { Transcript } from '../../services/viscript/terminal/transcript.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-run-'));
  vi.stubEnv('TMPDIR', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** A mesh without a terminal, as it runs in a pipe. */
function start(nodes: number) {
  const input = new PassThrough();
  const output = new PassThrough();
  const transcript = new Transcript();
  const abort = new AbortController();
  output.on('data', transcript.add);
  const steps = showSteps({ logs: join(folder, 'logs'), output });
  const ended = runLocalMesh({ bundle, nodes, steps, input, output, signal: abort.signal });
  return { input, transcript, abort, ended };
}

it('carries what SOCKS brings over several hops, shows the route, and leaves nothing when its input ends', async () => {
  const { input, transcript, ended } = start(4);
  const text = await Promise.race([
    transcript.waitFor(/curl --socks5-hostname [\s\S]*? links/, 60_000),
    ended.then(() => ''),
  ]);
  const [, socksPort = '', port = ''] =
    /socks5-hostname 127\.0\.0\.1:(\d+) http:\/\/127\.0\.0\.1:(\d+)/.exec(text) ?? [];
  const page = Buffer.from(await (await fetch(`http://127.0.0.1:${port}/`)).arrayBuffer());
  let bytes = 0;
  const onBytes = (count: number) => {
    bytes += count;
  };
  const { signal } = new AbortController();
  const sha256 = await download({ socksPort: Number(socksPort), port: Number(port), onBytes, signal });
  expect(sha256).toBe(createHash('sha256').update(page).digest('hex'));
  expect(bytes).toBe(page.length);
  await transcript.waitFor(/node1-node[23]-node4 or node1-node[23]-node4/, 60_000);
  input.end();
  await ended;
  expect((await readdir(folder)).sort()).toEqual(['logs']);
  expect(await ofThisTest()).toEqual([]);
});

it('leaves nothing when it is ended while it starts', async () => {
  const { transcript, abort, ended } = start(2);
  abort.abort(new Error('ended by SIGTERM'));
  await expect(ended).rejects.toThrow('ended by SIGTERM');
  await transcript.waitFor(/ended by SIGTERM/);
  expect((await readdir(folder)).sort()).toEqual(['logs']);
  expect(await ofThisTest()).toEqual([]);
});

/** Command lines of processes that name the folder of this test. */
async function ofThisTest(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // A process may end between the two reads.
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).filter((line) => line.includes(folder));
}
