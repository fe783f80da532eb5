import { expect, it } from 'vitest';
import { tcp } from '../../../../services/net/transport/tcp.ts';
import { dialWithin, TransportError } from '../../../../services/net/transport/transport.ts';
import { complies } from './compliance.ts';

complies(tcp);

it('gives an attempt up that leads nowhere, and releases it', async () => {
  let released = 0;
  const work = dialWithin('192.0.2.1:1', { timeoutMs: 20 }, new Promise(() => undefined), () => released++);
  await expect(work).rejects.toThrow(new TransportError('192.0.2.1:1', 'no connection within 0.02 s'));
  expect(released).toBe(1);
});
