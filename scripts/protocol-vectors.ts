import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Identity } from '../services/net/keys.ts';
import { FrameType } from '../services/net/link/frames.ts';
import { RecordWriter } from '../services/net/link/record-writer.ts';
import { sealPacket } from '../services/net/link/udp-packet.ts';
import { signMembership } from '../services/net/membership.ts';
import { AESGCM, ChaChaPoly, type Suite } from '../services/net/noise/suite.ts';
import { dhKeyPair } from '../services/net/noise/x25519.ts';
import { type FixedInputs, SessionInitiator, SessionResponder } from '../services/net/session/session.ts';
import { Keyring } from '../services/node/circuit/keyring.ts';
import { encodeAck, encodeDatagrams, encodeProbe, MessageType } from '../services/node/circuit/messages.ts';
import { encodeFrameHead, encodeText, encodeWindow, StreamFrame } from '../services/node/streams/frames.ts';
import { encodeMark, encodeReport, encodeTrains } from '../services/vpn/datagram.ts';

/**
 * `npm run docs`: writes docs/protocol-vectors.json, what our own code makes of fixed keys, for whoever implements
 * docs/protocol.md again. All bytes are hex.
 */
export const vectorsFile = join(import.meta.dirname, '..', 'docs', 'protocol-vectors.json');

/** Seconds since 1970 at which the handshakes take place. */
const NOW = 1_800_000_000;

export function renderVectors(): string {
  const vectors = {
    about:
      'Test vectors of docs/protocol.md, made by `npm run docs`. Bytes are hex; keys are seeds of 32 equal bytes.',
    now: NOW,
    sessions: [session(AESGCM), session(ChaChaPoly)],
    streams: streams(),
    notes: {
      ack: hex(encodeAck(5, 65_536, [{ first: 7, length: 2 }])),
      probe: hex(encodeProbe('probe', 3, 9)),
      echo: hex(encodeProbe('echo', 3, 9)),
      datagrams: hex(...encodeDatagrams(4, [Buffer.from('one'), Buffer.from('three')])),
    },
    tunnels: tunnels(),
    membership: membership(),
  };
  return `${JSON.stringify(vectors, undefined, 2)}\n`;
}

/** A handshake of each suite, and what is sealed with its keys: a record and a packet of a link, messages of a circuit. */
function session(suite: Suite) {
  const [one, other] = [identityOf(1), identityOf(2)];
  const options = (identity: Identity, fixed: FixedInputs, payload: string) => ({
    ...{ identity, fixed, purpose: 'link' as const, payload: Buffer.from(payload) },
    ...{ suites: [suite], accept: () => true },
  });
  const initiator = new SessionInitiator(options(one, fixedOf(3, 4), 'hello'));
  const responder = new SessionResponder(options(other, fixedOf(5, 6), 'welcome'));
  const second = responder.answer(initiator.first);
  const { third, session: near } = initiator.answer(second);
  const far = responder.finish(third);
  const keys = new Keyring();
  keys.add(0, near, true, 0);
  const writer = new RecordWriter();
  const payloads = [Buffer.from('payload of a circuit'), Buffer.from('more')];
  for (const [at, payload] of payloads.entries())
    writer.add(FrameType.data, 7 + at, [payload], payload.length);
  return {
    suite: `Noise_XX_25519_${suite.name}_SHA256`,
    purpose: 'link',
    initiator: {
      identity: one.publicKey,
      seed: seed(1),
      static: seed(3),
      ephemeral: seed(4),
      payload: 'hello',
    },
    responder: {
      identity: other.publicKey,
      seed: seed(2),
      static: seed(5),
      ephemeral: seed(6),
      payload: 'welcome',
    },
    messages: [initiator.first, second, third].map((message) => hex(message)),
    hash: hex(far.hash),
    link: {
      frames: payloads.map((payload, at) => ({ type: FrameType.data, label: 7 + at, payload: hex(payload) })),
      // The first record that the responder sends: nonce 0 of its direction.
      record: hex(...writer.take(far.send)),
      packet: {
        ...{
          number: 11,
          counter: 12,
          type: FrameType.datagram,
          label: 7,
          payload: hex(Buffer.from('datagram')),
        },
        sealed: hex(
          sealPacket(
            far.send,
            { number: 11, counter: 12 },
            { type: FrameType.datagram, label: 7 },
            [Buffer.from('datagram')],
            8,
          ),
        ),
      },
    },
    circuit: {
      record: {
        number: 1,
        plaintext: hex(Buffer.from('record')),
        sealed: sealed(keys, MessageType.record, 'record'),
      },
      note: {
        number: 1,
        plaintext: hex(Buffer.from('note')),
        sealed: sealed(keys, MessageType.note, 'note'),
      },
    },
  };
}

function sealed(
  keys: Keyring,
  type: typeof MessageType.record | typeof MessageType.note,
  text: string,
): string {
  return hex(...keys.seal(type, 1, [Buffer.from(text)]));
}

function streams() {
  const opening = JSON.stringify({ app: 'echo', from: 'me', kind: 'stream' });
  const data = Buffer.from('data');
  return {
    open: { stream: 1, text: opening, frame: hex(encodeText(StreamFrame.open, 1, opening)) },
    accept: { stream: 1, frame: hex(encodeText(StreamFrame.accept, 1, '')) },
    data: {
      ...{ stream: 1, payload: hex(data) },
      frame: hex(encodeFrameHead(StreamFrame.data, 1, data.length), data),
    },
    window: { stream: 1, bytes: 131_072, frame: hex(encodeWindow(1, 131_072)) },
    fin: { stream: 1, frame: hex(encodeFrameHead(StreamFrame.fin, 1, 0)) },
  };
}

/** A packet of TCP with three segments of payload, in a datagram with the next packet of its connection. */
function tunnels() {
  const head = '4500000000070000400600000a6300020a63000104d201bb0000000100000001501001f400000000';
  const train = Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(1_500, 'train')]);
  const packet = Buffer.concat([Buffer.from(head, 'hex'), Buffer.from('packet')]);
  for (const each of [train, packet]) each.writeUInt16BE(each.length, 2);
  packet.writeUInt32BE(1_501, 24);
  const report = { sent: 65, received: 64, nextTrains: 3, trains: 2 };
  return {
    trains: {
      ...{
        number: 1,
        trains: [
          { segment: 500, packet: hex(train) },
          { segment: 0, packet: hex(packet) },
        ],
      },
      datagram: hex(
        encodeTrains(1, [
          { packet: train, segment: 500 },
          { packet, segment: 0 },
        ]),
      ),
    },
    mark: { sent: 65, datagram: hex(encodeMark({ sent: 65 })) },
    report: { ...report, datagram: hex(encodeReport(report)) },
  };
}

function membership() {
  const rack = identityOf(8);
  const members = [
    { board: 'board1', key: identityOf(1).publicKey, roles: ['node', 'manager'] as const },
    { board: 'board2', key: identityOf(2).publicKey, roles: ['node'] as const },
  ];
  return { rack: rack.publicKey, seed: seed(8), list: signMembership(rack, 3, members) };
}

function fixedOf(staticByte: number, ephemeralByte: number): FixedInputs {
  const pair = (byte: number) => dhKeyPair(Buffer.alloc(32, byte));
  return { static: pair(staticByte), ephemeral: pair(ephemeralByte), now: NOW };
}

function identityOf(byte: number): Identity {
  return Identity.fromSeed(Buffer.alloc(32, byte));
}

function seed(byte: number): string {
  return hex(Buffer.alloc(32, byte));
}

function hex(...parts: readonly Buffer[]): string {
  return Buffer.concat(parts).toString('hex');
}

if (import.meta.main) await writeFile(vectorsFile, renderVectors());
