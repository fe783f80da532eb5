import { readFileSync } from 'node:fs';
import { serveUntilIdle } from '../../activated-server.ts';
import { UpdateService } from './service.ts';

/** The program of viscript-update.service: started by its socket, which only viscript may open. */
const FOLDER = '/data/update';
const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 8;

const service = new UpdateService({
  folder: FOLDER,
  version: runningVersion(),
  log: (text) => process.stderr.write(`viscript-update: ${text}\n`),
});

serveUntilIdle({
  serve: (socket) => service.serve(socket),
  idleMs: IDLE_MS,
  maxConnections: MAX_CONNECTIONS,
});

function runningVersion(): string {
  return /^VERSION_ID="?([^"\n]+)"?$/m.exec(readFileSync('/usr/lib/os-release', 'utf8'))?.[1] ?? '';
}
