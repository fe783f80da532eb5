import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
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
/** The socket that systemd hands over: sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;
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

let connections = 0;
let idle: NodeJS.Timeout | undefined;
const server = createServer((socket) => {
  connections += 1;
  clearTimeout(idle);
  void service.serve(socket).finally(() => {
    connections -= 1;
    if (connections === 0) endWhenIdle();
  });
});
server.maxConnections = MAX_CONNECTIONS;
server.listen({ fd: FIRST_DESCRIPTOR });
endWhenIdle();

/** systemd keeps the socket: who comes afterwards starts this program anew. */
function endWhenIdle(): void {
  idle = setTimeout(() => server.close(), IDLE_MS);
}
