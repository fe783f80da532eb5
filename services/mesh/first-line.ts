/** What an app and its node say to each other before a connection is what it is for: docs/protocol.md, section 7. */
import { wordOf } from '../net/control/messages.ts';
import { keyOf } from '../net/control/rules.ts';
import type { PublicKey } from '../net/keys.ts';
import { type Fields, fail, integer, object, type Shape, shape, text } from '../signal/shape.ts';
import { type Access, MeshError, type MeshErrorCode, type Remote, type Target } from './types.ts';

/** Longest first line and longest answer, in bytes. */
export const maxLineBytes = 4_096;

/** The first line of a connection. */
export type FirstLine =
  | { want: 'app'; name: string; type: string; access: Access }
  | { want: 'stream' | 'channel'; token: string; id: number; to: Target }
  | { want: 'accept'; token: string; id: number }
  | { want: 'pass'; token: string }
  | { want: 'show' };

/** The answer to each; `id` in what follows names a stream or channel of the app with this `token`. */
export interface Registered {
  node: PublicKey;
  token: string;
}

export interface Connected {
  node: PublicKey;
  remote: Remote;
}

export interface ChannelConnected extends Connected {
  maxBytes: number;
}

export const version = 1;

const maxTokenLength = 64;

/** @throws {MeshError} `invalid`: says what is wrong with it */
export function parseFirstLine(line: string): FirstLine {
  try {
    return firstLineShape.parse(JSON.parse(line));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError('invalid', `the first line is not understood: ${why.slice(0, 200)}`, { cause });
  }
}

export function formatFirstLine(line: FirstLine): string {
  return JSON.stringify({ skywire: version, ...line });
}

/** @throws {MeshError} the error that the line holds, or `invalid` when it is not understood */
export function parseAnswer<T>(line: string, answer: Shape<T>): T {
  let fields: Fields;
  try {
    fields = anything.parse(JSON.parse(line));
    if (fields.error === undefined) return answer.parse(fields);
  } catch (cause) {
    throw new MeshError('invalid', `the node's answer is not understood: ${line.slice(0, 200)}`, { cause });
  }
  throw refusalShape.parse(fields);
}

export function formatRefusal({ code, message }: MeshError): string {
  return JSON.stringify({ error: code, message: message.slice(0, 1_000) });
}

export const registeredShape = shape(
  (fields): Registered => ({ node: keyOf(fields, 'node'), token: text(fields, 'token', maxTokenLength) }),
);

export const connectedShape = shape(
  (fields): Connected => ({ node: keyOf(fields, 'node'), remote: remoteOf(fields) }),
);

export const channelConnectedShape = shape(
  (fields): ChannelConnected => ({
    ...connectedShape.parse(fields),
    maxBytes: integer(fields, 'maxBytes', 1),
  }),
);

export const greetedShape = shape((fields) => ({ node: keyOf(fields, 'node') }));

/** @throws {ShapeError} */
export function remoteOf(fields: Fields): Remote {
  const remote = object(fields, 'remote');
  return { node: keyOf(remote, 'node'), app: wordOf(remote, 'app') };
}

const anything = shape((fields) => fields);

const refusalShape = shape((fields) => {
  const code = codes.find((each) => each === fields.error) ?? 'invalid';
  return new MeshError(code, typeof fields.message === 'string' ? fields.message : `the node says ${code}`);
});

const codes: readonly MeshErrorCode[] = [
  'not-found',
  'no-route',
  'refused',
  'name-taken',
  'node-lost',
  'reset',
  'timeout',
  'invalid',
];

const firstLineShape = shape((fields): FirstLine => {
  if (fields.skywire !== version) fail('skywire', String(version));
  switch (fields.want) {
    case 'app':
      return {
        want: 'app',
        name: wordOf(fields, 'name'),
        type: wordOf(fields, 'type'),
        access: accessOf(fields),
      };
    case 'stream':
    case 'channel':
      return { want: fields.want, ...ticketOf(fields), to: targetOf(fields) };
    case 'accept':
      return { want: 'accept', ...ticketOf(fields) };
    case 'pass':
      return { want: 'pass', token: tokenOf(fields) };
    case 'show':
      return { want: 'show' };
    default:
      return fail('want', 'app, stream, channel, accept, pass or show');
  }
});

function ticketOf(fields: Fields): { token: string; id: number } {
  return { token: tokenOf(fields), id: integer(fields, 'id', 1) };
}

function tokenOf(fields: Fields): string {
  return text(fields, 'token', maxTokenLength);
}

function targetOf(fields: Fields): Target {
  const to = object(fields, 'to');
  const app = wordOf(to, 'app');
  return to.node === undefined ? { app } : { node: keyOf(to, 'node'), app };
}

function accessOf(fields: Fields): Access {
  const { access } = fields;
  if (access === 'rack' || access === 'mesh') return access;
  if (!Array.isArray(access)) return fail('access', '"rack", "mesh" or a list of keys');
  return access.map((key) => keyOf({ access: key }, 'access'));
}
