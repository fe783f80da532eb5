import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderVectors, vectorsFile } from '../../scripts/protocol-vectors.ts';
import { Identity } from '../../services/net/keys.ts';
import { RecordReader } from '../../services/net/link/record-reader.ts';
import { openPacket } from '../../services/net/link/udp-packet.ts';
import { readMembership } from '../../services/net/membership.ts';
import { AESGCM, ChaChaPoly } from '../../services/net/noise/suite.ts';
import { dhKeyPair } from '../../services/net/noise/x25519.ts';
import { SessionInitiator } from '../../services/net/session/session.ts';
import { readNote } from '../../services/node/circuit/messages.ts';
import { readFrames } from '../../services/node/streams/frames.ts';
import { readDatagram } from '../../services/vpn/datagram.ts';

const vectors = JSON.parse(await readFile(vectorsFile, 'utf8'));
const bytes = (hex: string) => Buffer.from(hex, 'hex');

it('are what the code makes: run "npm run docs" after a change of a format', async () => {
  expect(renderVectors()).toBe(await readFile(vectorsFile, 'utf8'));
});

describe.each([AESGCM, ChaChaPoly])('of $name', (suite) => {
  const at = [AESGCM, ChaChaPoly].indexOf(suite);
  const { initiator, messages, hash, link } = vectors.sessions[at];
  const session = () => {
    const near = new SessionInitiator({
      ...{ identity: Identity.fromSeed(bytes(initiator.seed)), purpose: 'link', suites: [suite] },
      ...{ payload: Buffer.from(initiator.payload), accept: () => true },
      fixed: {
        static: dhKeyPair(bytes(initiator.static)),
        ephemeral: dhKeyPair(bytes(initiator.ephemeral)),
        now: vectors.now,
      },
    });
    expect(near.first.toString('hex')).toBe(messages[0]);
    return near.answer(bytes(messages[1]));
  };

  it('lead an initiator through the handshake', () => {
    const { third, session: made } = session();
    expect(third.toString('hex')).toBe(messages[2]);
    expect(made.hash.toString('hex')).toBe(hash);
    expect(made.payload.toString()).toBe('welcome');
  });

  it('are read as the record and the packet of a link', () => {
    const { session: made } = session();
    const frames: unknown[] = [];
    new RecordReader(made.receive, (type, label, payload) =>
      frames.push({ type, label, payload: payload.toString('hex') }),
    ).push(bytes(link.record));
    expect(frames).toEqual(link.frames);
    const { sealed, number: _, ...packet } = link.packet;
    const opened = openPacket(made.receive, bytes(sealed));
    expect(opened && { ...opened, payload: opened.payload.toString('hex') }).toEqual(packet);
  });
});

it('are read as frames of streams, notes and a list of members', () => {
  const { open, data, window } = vectors.streams;
  const frames = readFrames(bytes(open.frame + data.frame + window.frame));
  expect(frames.map(({ stream }) => stream)).toEqual([1, 1, 1]);
  expect(frames[0]?.payload.toString()).toBe(open.text);
  expect(frames[1]?.payload.toString('hex')).toBe(data.payload);
  expect(readNote(bytes(vectors.notes.ack))).toEqual({
    ...{ kind: 'ack', next: 5, takes: 65_536, ranges: [{ first: 7, length: 2 }] },
  });
  expect(readNote(bytes(vectors.notes.probe))).toEqual({ kind: 'probe', path: 3, id: 9 });
  const { rack, list } = vectors.membership;
  expect(readMembership(list, rack).members.map(({ board }) => board)).toEqual(['board1', 'board2']);
});

it('are read as the datagrams of a tunnel', () => {
  const { trains, mark, report } = vectors.tunnels;
  expect(readDatagram(bytes(trains.datagram))).toEqual({
    ...{ kind: 'trains', number: trains.number },
    trains: trains.trains.map((each: { segment: number; packet: string }) => ({
      ...{ segment: each.segment, packet: bytes(each.packet) },
    })),
  });
  expect(readDatagram(bytes(mark.datagram))).toEqual({ kind: 'mark', sent: mark.sent });
  const { datagram, ...counts } = report;
  expect(readDatagram(bytes(datagram))).toEqual({ kind: 'report', ...counts });
});
