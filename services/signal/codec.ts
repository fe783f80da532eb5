/**
 * JSON-RPC 2.0 messages as text and as values (https://www.jsonrpc.org/specification).
 * Pure: no socket, no clock, no package, so that a command line may import it at no cost.
 */

/** Codes of the specification, section 5.1, and ours from its range for servers. */
export const errorCode = {
  parse: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
  /** Too much at once; the same request may succeed later. */
  busy: -32_000,
  /** Not allowed to this client. */
  refused: -32_001,
} as const;

/** A batch with more entries than this is refused whole: each entry may cost an answer. */
export const maxBatchEntries = 1_000;

export type Id = string | number | null;

export interface ErrorObject {
  code: number;
  message: string;
  data?: unknown;
}

export type Message =
  | { kind: 'request'; id: Id; method: string; params: unknown }
  | { kind: 'notification'; method: string; params: unknown }
  | { kind: 'result'; id: Id; result: unknown }
  | { kind: 'error'; id: Id; error: ErrorObject }
  | { kind: 'malformed'; id: Id; error: ErrorObject };

/** `batch` tells whether the answers belong in an array. `messages` is never empty. */
export interface Decoded {
  batch: boolean;
  messages: Message[];
}

/** An error that travels: thrown by a handler it is the answer, thrown by a call it is what the other end answered. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data?: unknown;
  /** The connection is closed as soon as this answer is sent. */
  readonly fatal: boolean;

  constructor(
    code: number,
    message: string,
    options: { data?: unknown; fatal?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    if (options.data !== undefined) this.data = options.data;
    this.fatal = options.fatal ?? false;
  }

  toJSON(): ErrorObject {
    return {
      code: this.code,
      message: this.message,
      ...(this.data === undefined ? {} : { data: this.data }),
    };
  }
}

/** Reads one text. Never throws: what cannot be read is a `malformed` message that holds the error to answer with. */
export function decode(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return single(malformed(null, errorCode.parse, `not JSON: ${describe(error)}`));
  }
  if (!Array.isArray(value)) return single(decodeOne(value));
  if (value.length === 0) return single(malformed(null, errorCode.invalidRequest, 'the batch is empty'));
  if (value.length > maxBatchEntries) {
    const message = `the batch has ${value.length} entries, more than ${maxBatchEntries}`;
    return single(malformed(null, errorCode.invalidRequest, message));
  }
  return { batch: true, messages: value.map(decodeOne) };
}

export function encodeRequest(id: number, method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

export function encodeNotification(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

/** `undefined` travels as null: the specification wants `result` to be there. */
export function encodeResult(id: Id, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: result ?? null });
}

export function encodeError(id: Id, error: ErrorObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

export function encodeBatch(messages: readonly string[]): string {
  return `[${messages.join(',')}]`;
}

function decodeOne(value: unknown): Message {
  if (!isRecord(value)) return malformed(null, errorCode.invalidRequest, 'a message must be an object');
  const id = value.id;
  const hasId = Object.hasOwn(value, 'id');
  if (hasId && !isId(id)) {
    return malformed(null, errorCode.invalidRequest, '"id" must be a string, a number or null');
  }
  const knownId = hasId && isId(id) ? id : null;
  const refuse = (message: string) => malformed(knownId, errorCode.invalidRequest, message);
  if (value.jsonrpc !== '2.0') return refuse('"jsonrpc" must be "2.0"');
  if (Object.hasOwn(value, 'method')) return decodeCall(value, hasId, knownId, refuse);
  if (!hasId) return refuse('a message needs "method", or an "id" with "result" or "error"');
  const hasResult = Object.hasOwn(value, 'result');
  if (hasResult === Object.hasOwn(value, 'error'))
    return refuse('an answer needs either "result" or "error"');
  if (hasResult) return { kind: 'result', id: knownId, result: value.result };
  const error = value.error;
  if (!isErrorObject(error)) return refuse('"error" needs a whole number "code" and a text "message"');
  return { kind: 'error', id: knownId, error };
}

function decodeCall(
  value: Record<string, unknown>,
  hasId: boolean,
  id: Id,
  refuse: (message: string) => Message,
): Message {
  const { method, params } = value;
  if (typeof method !== 'string') return refuse('"method" must be a text');
  if (Object.hasOwn(value, 'params') && (typeof params !== 'object' || params === null)) {
    return refuse('"params" must be an object or an array');
  }
  const given = params ?? {};
  return hasId
    ? { kind: 'request', id, method, params: given }
    : { kind: 'notification', method, params: given };
}

function single(message: Message): Decoded {
  return { batch: false, messages: [message] };
}

function malformed(id: Id, code: number, message: string): Message {
  return { kind: 'malformed', id, error: { code, message } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is Id {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

function isErrorObject(value: unknown): value is ErrorObject {
  return isRecord(value) && Number.isInteger(value.code) && typeof value.message === 'string';
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
