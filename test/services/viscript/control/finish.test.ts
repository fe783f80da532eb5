import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ControlServer } from '../../../../services/viscript/control/server.ts';
import { startSupervisor, type TestSupervisor } from '../support.ts';

let running: TestSupervisor;
let server: ControlServer;
let path: string;

beforeEach(async () => {
  running = await startSupervisor('apps: { sleeper: { path: sleep, default_args: ["1000"] } }');
  path = join(running.folder, 'control.sock');
  const machine = {
    ...{ version: '1', host: 'test', slot: undefined, slotReason: undefined, lastEnd: undefined },
    ...{ uptime: () => 1, troubles: async () => [] },
    temperatures: async () => [],
    slots: async () => undefined,
  };
  server = new ControlServer({ path, socketMode: 0o600, supervisor: running.supervisor, machine });
  await server.listen();
});

afterEach(async () => {
  await server.close();
  await running[Symbol.asyncDispose]();
});

/** Everything the supervisor says to a front end that sends these words and then nothing more. */
async function exchange(...argv: string[]) {
  const socket = createConnection(path);
  await once(socket, 'connect');
  const run = { run: 1, argv, json: false, columns: 0, color: false };
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'command.run', params: run })}\n`);
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'control.finish', params: {} })}\n`);
  const lines = (await text(socket)).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { method?: string; id?: number; params?: { text: string } });
}

it('answers what was asked for, then ends the connection of a front end that has finished', async () => {
  const messages = await exchange('apps');
  expect(messages.at(0)?.params?.text).toMatch(/^sleeper/);
  expect(messages.at(-1)).toMatchObject({ id: 2, result: { status: 0 } });
});

it('cancels a command that waits for what the front end can no longer say', async () => {
  await exchange('start', 'sleeper');
  const messages = await exchange('attach', '1');
  expect(messages.at(0)).toMatchObject({ method: 'command.reads', params: { run: 1 } });
  expect(messages.at(-1)).toMatchObject({ id: 2 });
  expect(running.supervisor.launches).toHaveLength(1);
});
