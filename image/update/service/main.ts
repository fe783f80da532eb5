import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serveUntilIdle } from '../../activated-server.ts';
import { MARKS } from '../../slots/trial.ts';
import { UpdateService } from './service.ts';

/** The program of viscript-update.service: started by its socket, which only viscript may open. */
const FOLDER = '/data/update';
const KEYRING = '/etc/rauc/keyring.pem';
/** Where the initramfs and the gate leave how a trial stands. */
const START = '/run/skyminer';
const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 8;

const service = new UpdateService({
  folder: FOLDER,
  version: runningVersion(),
  keyring: KEYRING,
  isOnTrial: () => existsSync(join(START, MARKS.trial)) && !existsSync(join(START, MARKS.good)),
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
