import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { download } from '../../../image/update/service/download.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

const content = randomBytes(300_000);
let stack: AsyncDisposableStack;
let folder: string;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  folder = stack.use(await temporaryFolder()).path;
});

afterEach(() => stack.disposeAsync());

/** @returns the address of the file */
async function serving(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/bundle`;
}

interface Serving {
  etag?: string;
  /** Bytes that come before the connection breaks; all when left out. */
  breakAfter?: (request: number) => number | undefined;
  /** Whether the server can go on in the middle. */
  ranges?: boolean;
  body?: Buffer;
}

function file({ etag = '"one"', breakAfter = () => undefined, ranges = true, body = content }: Serving = {}) {
  const asked: string[] = [];
  const answer: RequestListener = (request, response) => {
    const { range } = request.headers;
    asked.push(range ?? 'all');
    // RFC 9110, 14.2: who asks without a condition is answered with what is there now.
    const isSame = [undefined, etag].includes(request.headers['if-range']?.toString());
    const start = ranges && isSame ? Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0) : 0;
    const partial = start > 0 ? { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { etag, 'content-length': body.length - start, ...partial });
    const after = breakAfter(asked.length);
    if (after === undefined) response.end(body.subarray(start));
    else response.write(body.subarray(start, start + after), () => response.socket?.end());
  };
  return { asked, answer };
}

const options = (url: string, folder: string) => ({
  ...{ url, folder, retryMs: 1, silenceMs: 5_000, onProgress: () => undefined },
  signal: new AbortController().signal,
});

/** Says where they differ: a diff of so many bytes would take minutes. */
async function holds(path: string, expected: Buffer): Promise<void> {
  const found = await readFile(path);
  expect(found.length).toBe(expected.length);
  expect(found.findIndex((byte, at) => byte !== expected[at])).toBe(-1);
}

it('brings a file whole, and leaves nothing else', async () => {
  const url = await serving(file().answer);
  const seen: number[] = [];
  const path = await download({
    ...options(url, folder),
    onProgress: (bytes, of) => seen.push(bytes / (of ?? 0)),
  });
  await holds(path, content);
  expect(await readdir(folder)).toEqual(['download.raucb']);
  expect(seen.at(-1)).toBe(1);
});

it('goes on where the connection broke', async () => {
  const { asked, answer } = file({ breakAfter: (request) => (request < 4 ? 70_000 : undefined) });
  await holds(await download(options(await serving(answer), folder)), content);
  expect(asked).toEqual(['all', 'bytes=70000-', 'bytes=140000-', 'bytes=210000-']);
});

it('begins anew when the server cannot go on in the middle', async () => {
  const { asked, answer } = file({
    ranges: false,
    breakAfter: (request) => (request < 3 ? 70_000 : undefined),
  });
  await holds(await download(options(await serving(answer), folder)), content);
  expect(asked).toEqual(['all', 'bytes=70000-', 'bytes=70000-']);
});

it('never joins two files that were there one after the other', async () => {
  const other = randomBytes(200_000);
  const before = file({ breakAfter: () => 100_000 });
  const after = file({ etag: '"two"', body: other });
  let request = 0;
  const url = await serving((...both) => (++request === 1 ? before : after).answer(...both));
  await holds(await download(options(url, folder)), other);
});

it('keeps what has come when it is given up, and the next one goes on from there', async () => {
  const { asked, answer } = file({
    breakAfter: (request) => (request === 1 ? 80_000 : request < 8 ? 0 : undefined),
  });
  const url = await serving(answer);
  await expect(download(options(url, folder))).rejects.toThrow(
    /80000 bytes are here, and the next try goes on/,
  );
  await holds(await download(options(url, folder)), content);
  expect(asked.at(-1)).toBe('bytes=80000-');
});

it('ends at once when nobody waits for it, and keeps what has come', async () => {
  const over = new AbortController();
  const { answer } = file();
  const url = await serving((request, response) => {
    if (request.headers.range !== undefined) return answer(request, response);
    response.writeHead(200, { etag: '"one"', 'content-length': content.length });
    response.write(content.subarray(0, 50_000));
  });
  const onProgress = () => over.abort(new Error('nobody waits'));
  await expect(download({ ...options(url, folder), onProgress, signal: over.signal })).rejects.toThrow(
    'nobody waits',
  );
  await holds(await download(options(url, folder)), content);
});

it('does not go on from what another address has left', async () => {
  await writeFile(join(folder, 'download.part'), 'of another file');
  await writeFile(join(folder, 'download.json'), '{"url":"http://example.org/","validator":"\\"one\\""}');
  const { asked, answer } = file();
  await holds(await download(options(await serving(answer), folder)), content);
  expect(asked).toEqual(['all']);
});

it.for(['{', '[]', 'null', '{"url":1,"validator":2}'])(
  'is not led astray by notes that say %j',
  async (notes) => {
    await writeFile(join(folder, 'download.part'), 'something');
    await writeFile(join(folder, 'download.json'), notes);
    await holds(await download(options(await serving(file().answer), folder)), content);
  },
);

it('follows a redirect, and not for ever', async () => {
  const url = await serving((request, response) => {
    if (request.url === '/file') file().answer(request, response);
    else response.writeHead(302, { location: request.url === '/bundle' ? '/file' : '/round' }).end();
  });
  await holds(await download(options(url, folder)), content);
  const round = options(url.replace('/bundle', '/round'), folder);
  await expect(download(round)).rejects.toThrow(/more than 5 times/);
});

it.for([
  ['a refusal', 404, /the server answers 404 Not Found: look at the address/],
  ['a server that is broken for good', 500, /the server answers 500 .*; 0 bytes are here/],
])('tells of %s', async ([, status, message]) => {
  const url = await serving((_, response) => response.writeHead(Number(status)).end());
  await expect(download(options(url, folder))).rejects.toThrow(message as RegExp);
});

it('takes nothing that says it is too large, or turns out to be', async () => {
  const url = await serving((_, response) => {
    response.writeHead(200, { 'content-length': 600 * 1024 * 1024 });
    response.write('x');
  });
  await expect(download(options(url, folder))).rejects.toThrow(/are no bundle: the most is/);
});

it.for(['ftp://example.org/x', 'file:///etc/shadow', 'example.org', ''])(
  'takes no address like %j',
  async (url) => {
    await expect(download(options(url, folder))).rejects.toThrow(/is no address/);
  },
);
