import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { channelOfSocket, type LineOptions } from '../../../services/signal/index.ts';
import { Queue, socketPair } from './support.ts';

async function channelPair(options: LineOptions = {}) {
  const [socket, other] = await socketPair();
  const channel = channelOfSocket(socket, options);
  const messages = new Queue<string>();
  const answers = new Queue<string>();
  channel.onMessage((text) => messages.push(text));
  other.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
  const closed = new Promise<string>((resolve) => channel.onClose(resolve));
  return { channel, socket, other, messages, answers, closed };
}

describe('lines on a socket', () => {
  it('come whole, however they were cut on the way', async () => {
    const { other, messages } = await channelPair();
    const bytes = Buffer.from('{"a":"é"}\r\n\n  \n[1]\n{"b"');
    for (const byte of bytes) other.write(Buffer.of(byte));
    other.write(':2}\n');
    expect([await messages.next(), await messages.next(), await messages.next()]).toEqual([
      '{"a":"é"}',
      '[1]',
      '{"b":2}',
    ]);
  });

  it('may be as long as the bound, and one byte more ends the connection with an error', async () => {
    const { other, messages, answers, closed } = await channelPair({ maxBytes: 1000 });
    other.write(`${'x'.repeat(1000)}\n`);
    expect(await messages.next()).toHaveLength(1000);
    other.write('y'.repeat(1001));
    expect(JSON.parse(await answers.next())).toMatchObject({ id: null, error: { code: -32_600 } });
    expect(await closed).toBe('a line has more than 1000 bytes');
  });

  it('of bytes that are not UTF-8 end the connection with an error', async () => {
    const { other, answers, closed } = await channelPair();
    other.write(Buffer.of(0xff, 0xfe, 0x0a));
    expect(JSON.parse(await answers.next())).toMatchObject({ id: null, error: { code: -32_700 } });
    expect(await closed).toBe('a line is not UTF-8');
  });

  it('that the other end does not take are not kept for ever', async () => {
    const { channel, other, closed } = await channelPair({ maxBuffered: 100_000 });
    other.pause();
    const text = 'z'.repeat(10_000);
    let open = true;
    channel.onClose(() => {
      open = false;
    });
    for (let sent = 0; open && sent < 1_000; sent++) {
      channel.send(text);
      await new Promise(setImmediate);
    }
    expect(await closed).toContain('the other end does not read');
  });

  it('wait for a slow reader when the sender asks for it, so that nothing is lost', async () => {
    const { channel, other } = await channelPair({ maxBuffered: 100_000 });
    let received = 0;
    other.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    for (let sent = 0; sent < 1_000; sent++) {
      channel.send('z'.repeat(9_999));
      await channel.drained();
    }
    channel.close();
    await once(other, 'close');
    expect(received).toBe(10_000_000);
  });

  it('ends a connection whose other end neither reads nor closes', async () => {
    const { channel, socket, other } = await channelPair();
    other.pause();
    channel.send('z'.repeat(5_000_000));
    channel.close();
    await once(socket, 'close');
    await channel.drained();
    expect(socket.destroyed).toBe(true);
  });

  it('says why the connection ended', async () => {
    const { other, closed } = await channelPair();
    other.end();
    expect(await closed).toBe('the other end closed the connection');
  });
});
