import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FrameType } from '../../../../services/net/link/link.ts';
import { LoadMeter } from '../../../../services/net/link/load-meter.ts';
import { Pings } from '../../../../services/net/link/pings.ts';
import { RoundTrip } from '../../../../services/net/link/round-trip.ts';
import { closed } from '../sockets.ts';
import { closeAll, eventually, linkAndRaw, linkPair } from './support.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('is over when nothing comes from the neighbour, and names it', async () => {
  const [link, raw] = await linkAndRaw({ pingMs: 20 });
  const gone = closed(raw.socket.resume());
  expect(await link.closed).toBe(`nothing came from ${link.remote} for 0.08 s`);
  await gone;
});

it('lives as long as anything comes, whatever the wall clock does', async () => {
  const [link, raw] = await linkAndRaw({ pingMs: 30 });
  raw.read();
  vi.useFakeTimers({ toFake: ['Date'] });
  for (let count = 0; count < 20; count++) {
    await raw.frame(FrameType.ping);
    raw.frames.length = 0;
    vi.setSystemTime(count % 2 === 0 ? '2050-01-01' : '1999-01-01');
    raw.socket.write(raw.record(FrameType.down, 1, Buffer.of()));
  }
  const down = once(link, 'frame');
  raw.socket.write(raw.record(FrameType.down, 2, Buffer.of()));
  await down;
  await closeAll(link);
});

it('does not blame its neighbour when this process was stopped', async () => {
  const [link, raw] = await linkAndRaw({ pingMs: 20 });
  raw.read();
  await raw.frame(FrameType.ping);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  const down = once(link, 'frame');
  raw.socket.write(raw.record(FrameType.down, 2, Buffer.of()));
  await down;
  await closeAll(link);
});

it('measures the round trip by its pings', async () => {
  const ends = await linkPair({ pingMs: 20 });
  await eventually(() => {
    for (const { figures } of ends) expect(figures.rtt).toBeGreaterThan(0);
  });
  for (const { figures } of ends) {
    expect(figures.rtt).toBeLessThan(5);
    expect(figures.loss).toBe(0);
  }
  await closeAll(...ends);
});

it('answers a PING with the bytes that it carries', async () => {
  const [link, raw] = await linkAndRaw();
  raw.read().socket.write(raw.record(FrameType.ping, 0, Buffer.from('12345678')));
  expect((await raw.frame(FrameType.pong)).payload.toString()).toBe('12345678');
  await closeAll(link);
});

it('takes no answer for a ping that it never sent', async () => {
  const [link, raw] = await linkAndRaw();
  raw.socket.write(raw.record(FrameType.pong, 0, Buffer.alloc(8, 255)));
  raw.socket.write(raw.record(FrameType.down, 1, Buffer.of()));
  await once(link, 'frame');
  expect(link.figures.rtt).toBe(0);
  await closeAll(link);
});

it('shows how busy it is', async () => {
  const [link, raw] = await linkAndRaw({ pingMs: 20 });
  const alive = setInterval(() => raw.socket.write(raw.record(FrameType.down, 1, Buffer.of())), 20);
  while (link.backlog < 512 * 1024) link.send(FrameType.data, 1, [Buffer.alloc(65_536)]);
  await eventually(() => expect(link.figures.load).toBeGreaterThan(0.5));
  raw.socket.resume();
  await eventually(() => expect(link.figures.load).toBeLessThan(0.1));
  clearInterval(alive);
  await closeAll(link);
});

describe('RoundTrip', () => {
  it('smooths as RFC 6298 does', () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.seconds).toBe(0);
    roundTrip.measured(0.08);
    expect(roundTrip.seconds).toBe(0.08);
    roundTrip.measured(0.16);
    expect(roundTrip.seconds).toBeCloseTo(0.09);
  });
});

describe('LoadMeter', () => {
  it('tells the part of the time in which something was busy', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const meter = new LoadMeter();
    for (let count = 0; count < 100; count++) {
      meter.busy = true;
      vi.advanceTimersByTime(300);
      meter.busy = false;
      vi.advanceTimersByTime(700);
      meter.tick();
    }
    expect(meter.load).toBeCloseTo(0.3);
    meter.busy = true;
    for (let count = 0; count < 100; count++) {
      vi.advanceTimersByTime(1000);
      meter.tick();
    }
    expect(meter.load).toBeCloseTo(1);
  });
});

describe('Pings', () => {
  it('tells which part was lost, once it is certain', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const pings = new Pings();
    for (let count = 0; count < 20; count++) {
      const payload = pings.next();
      vi.advanceTimersByTime(100);
      if (count % 4 !== 0) expect(pings.answer(payload)).toBeCloseTo(0.1);
    }
    expect(pings.answered).toBe(true);
    vi.advanceTimersByTime(2_950);
    expect(pings.answered).toBe(true);
    expect(pings.loss).toBeCloseTo(0.25);
    vi.advanceTimersByTime(100);
    expect(pings.answered).toBe(false);
  });

  it('takes each answer once, and none to what it has forgotten', () => {
    const pings = new Pings();
    const first = pings.next();
    const second = pings.next();
    expect(pings.answer(second)).toBeGreaterThanOrEqual(0);
    expect(pings.answer(second)).toBeUndefined();
    for (let count = 0; count < 100; count++) pings.next();
    expect(pings.answer(first)).toBeUndefined();
    expect(pings.answer(Buffer.alloc(8, 255))).toBeUndefined();
  });
});
