import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serveUntilIdle } from '../activated-server.ts';
import { startOtherOnce } from '../disk/other-slot.ts';
import { STATE_DEVICE, startedSlot } from '../disk/state-device.ts';
import { RescueService } from './service.ts';
import { Tries } from './tries.ts';

/**
 * The program of viscript-rescue.service: root, started by its socket, which only the serial console may open. It ends by
 * itself when nobody has spoken to it for a while.
 */
const PASSPHRASE = '/data/console/passphrase';
const DEVELOPMENT = '/usr/lib/viscript/development-image';
const TRIES = '/run/viscript-rescue/tries.json';
const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 8;

const service = new RescueService({
  passphraseFile: PASSPHRASE,
  developmentFile: DEVELOPMENT,
  tries: await Tries.open(TRIES),
  otherSlot: () => startOtherOnce(STATE_DEVICE, startedSlot()),
  shell: async (line) => {
    await promisify(execFile)('systemctl', ['--no-block', 'start', `rescue-shell@${line}.service`]);
  },
  log: (text) => process.stderr.write(`viscript-rescue: ${text}\n`),
});

serveUntilIdle({
  serve: (socket) => service.serve(socket),
  idleMs: IDLE_MS,
  maxConnections: MAX_CONNECTIONS,
});
