import { chmod, lstat, rm } from 'node:fs/promises';
import { createConnection, type Server } from 'node:net';

/** Longest path of a Unix socket in bytes: `sun_path` of unix(7) without its final zero. */
const maxPathBytes = 107;

/** The Unix socket cannot be listened on. */
export class SocketInUse extends Error {
  override readonly name = 'SocketInUse';
  readonly path: string;
  constructor(path: string) {
    super(`another process listens on ${path}; stop it first, or choose another folder`);
    this.path = path;
  }
}

/**
 * Makes `server` listen on the Unix socket `path` with file mode `mode`. A socket that a dead process left behind
 * is replaced. The socket is never more open than `mode`, not even for a moment.
 * @throws {SocketInUse} when somebody answers there; an Error when something else than a socket is there
 */
export async function listenOnUnixSocket(server: Server, path: string, mode: number): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes) {
    throw new Error(
      `${path} is too long for a Unix socket (${bytes} of ${maxPathBytes} bytes); choose a shorter folder`,
    );
  }
  await removeDeadSocket(path);
  // The socket file is made during this very call of listen, so the mask holds for nothing else.
  const mask = process.umask(0o777);
  const listening = Promise.withResolvers<void>();
  try {
    server.once('error', listening.reject);
    server.listen(path, () => listening.resolve());
  } finally {
    process.umask(mask);
  }
  await listening.promise;
  server.off('error', listening.reject);
  await chmod(path, mode);
}

/** The URL under which a signal client finds the Unix socket `path`, whatever characters are in it. */
export function urlOfSocket(path: string): string {
  return `ws+unix://${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The path in a `ws+unix:` URL, or undefined for another URL. */
export function socketOfUrl(url: string): string | undefined {
  const prefix = 'ws+unix://';
  return url.startsWith(prefix) ? decodeURIComponent(url.slice(prefix.length)) : undefined;
}

async function removeDeadSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stats) return;
  if (!stats.isSocket()) throw new Error(`${path} is in the way: it is not a socket; remove it`);
  if (await isAnswered(path)) throw new SocketInUse(path);
  await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(false);
      else reject(new Error(`cannot use ${path}: ${error.message}`, { cause: error }));
    });
  });
}
