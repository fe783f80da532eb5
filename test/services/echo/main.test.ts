import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { launch } from '../mesh/program.ts';
import { joinedNodes, startApp } from '../node/apps/joined.ts';

const program = 'services/echo/main.ts';

describe('meshnet-echo', () => {
  it('returns what it gets, and measures an end that does', async () => {
    const [there, here] = await joinedNodes();
    const server = launch(program, ['echo', there.node]);
    expect(await server.line()).toBe(`reached as ${there.key}/echo`);
    const target = `${there.key}/echo`;
    const client = launch(program, ['me', here.node, '--to', target, '--count', '2', '--bytes', '65536']);
    const one = new RegExp(`^65536 bytes back from echo at ${there.key.slice(0, 8)}: \\d+\\.\\d\\dms$`);
    expect(await client.line()).toMatch(one);
    expect(await client.line()).toMatch(one);
    expect(await client.line()).toMatch(/^min [\d.]+ms, median [\d.]+ms, max [\d.]+ms$/);
    expect(await client.exited).toEqual({ code: 0, signal: null });
    server.child.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(there.carrier.apps.size).toBe(0);
  });

  it('keeps what it got until the other end reads it', async () => {
    const [there, here] = await joinedNodes();
    await launch(program, ['echo', there.node]).line();
    const stream = await (await startApp(here, 'client')).connect({ app: 'echo' });
    stream.end('and the end comes back too');
    expect(await text(stream)).toBe('and the end comes back too');
  });

  it('that is killed resets its streams at once, and frees its name', async () => {
    const [there, here] = await joinedNodes();
    const server = launch(program, ['echo', there.node]);
    await server.line();
    const stream = await (await startApp(here, 'client')).connect({ app: 'echo' });
    stream.write('part');
    await once(stream, 'readable');
    const failed = expect(buffer(stream)).rejects.toMatchObject({ name: 'MeshError', code: 'reset' });
    const gone = once(there.gateway, 'gone');
    server.child.kill('SIGKILL');
    await failed;
    await gone;
    expect(await launch(program, ['echo', there.node]).line()).toBe(`reached as ${there.key}/echo`);
  });

  it('says why it cannot measure', async () => {
    const [, here] = await joinedNodes();
    const client = launch(program, ['me', here.node, '--to', 'nobody']);
    expect(await client.exited).toEqual({ code: 1, signal: null });
    expect(client.errors()).toBe('meshnet-echo: there is no nobody\n');
  });

  it.each([
    [['echo'], 'two arguments are expected, not 1'],
    [['echo', '/node.sock', '--to', 'a b'], "'a b' is no app of the mesh"],
    [['echo', '/node.sock', '--count', '0'], '--count "0": give a whole number from 1 to 1000'],
    [['echo', '/node.sock', '--access', 'all'], '--access: '],
    [['echo', '/node.sock', '--what'], '--what'],
  ])('refuses %j with status 2', async (args, message) => {
    const echo = launch(program, args);
    expect(await echo.exited).toEqual({ code: 2, signal: null });
    expect(echo.errors()).toContain(message);
    expect(echo.errors()).toContain('give meshnet-echo NAME NODEADDR');
  });

  it('explains itself', async () => {
    expect(await launch(program, ['--help']).line()).toBe('meshnet-echo NAME NODEADDR [--access WHO]');
  });
});
