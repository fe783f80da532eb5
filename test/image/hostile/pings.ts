/**
 * `pings.mjs ID`: asks viscript on its control socket for `ping ID`, again and again until SIGTERM, as a front end does.
 * A line a ping: the milliseconds until viscript had answered, or `failed` and what it said.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient } from '../../../services/viscript/control/client.ts';
import { exitStatus } from '../../../services/viscript/control/protocol.ts';

const [id = ''] = process.argv.slice(2);
const asked = new AbortController();
process.once('SIGTERM', () => asked.abort());
const client = await ControlClient.connect('/run/viscript/control.sock');

while (!asked.signal.aborted) {
  let said = '';
  const from = performance.now();
  const status = await client.run(
    { argv: ['ping', id], json: true, columns: 0, color: false },
    (_stream, text) => {
      said += text;
    },
    new AbortController().signal,
  );
  const took = (performance.now() - from).toFixed(1);
  process.stdout.write(status === exitStatus.done ? `${took}\n` : `failed ${said.trim()}\n`);
  // Not for anything to happen meanwhile: the distance between two samples.
  await delay(200);
}
client.close();
