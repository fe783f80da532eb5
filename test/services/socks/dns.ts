import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseIp } from '../../../services/net/ip.ts';

const types = { 1: 4, 28: 16 } as const;

/**
 * A name server (RFC 1035): `answer` gives the addresses of a name, of both families; nothing when it is to stay silent.
 * @returns its socket, whose closing is the caller's
 */
export async function serveNames(
  answer: (name: string) => readonly string[] | undefined,
  { host, port }: { host: string; port: number },
): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, host);
  await once(socket, 'listening');
  socket.on('message', (query, from) => {
    const { name, type, end } = questionOf(query);
    const addresses = answer(name);
    if (!addresses) return;
    const length = types[type as keyof typeof types];
    const records = addresses.flatMap((text) => {
      const bytes = parseIp(text);
      return bytes?.length === length ? [recordOf(type, bytes)] : [];
    });
    const head = Buffer.from(query.subarray(0, 12));
    // An answer, with authority; the name is unknown when it has no address at all.
    head.writeUInt16BE(addresses.length === 0 ? 0x8403 : 0x8400, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    head.fill(0, 8);
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), from.port, from.address);
  });
  return socket;
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** Of the name in the question, class IN, to be kept for no time at all. */
function recordOf(type: number, bytes: Uint8Array): Buffer {
  return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length, ...bytes]);
}
