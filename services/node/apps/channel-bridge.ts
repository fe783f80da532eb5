import type { MeshChannel } from '../../mesh/types.ts';

/** Joins two channels: what comes on one goes out on the other, and they end together. */
export function bridgeChannels(one: MeshChannel, other: MeshChannel): void {
  forward(one, other);
  forward(other, one);
}

/** What arrives together is sent together. */
function forward(from: MeshChannel, to: MeshChannel): void {
  let waiting: Buffer[] = [];
  const flush = () => {
    const payloads = waiting;
    waiting = [];
    to.send(payloads);
  };
  from.on('message', (payload) => {
    if (waiting.push(payload) === 1) process.nextTick(flush);
  });
  from.once('close', (reason) => to.close(reason));
}
