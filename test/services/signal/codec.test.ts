import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decode,
  encodeBatch,
  encodeError,
  encodeNotification,
  encodeRequest,
  encodeResult,
  errorCode,
  maxBatchEntries,
} from '../../../services/signal/codec.ts';
import { fuzzRuns } from '../../fuzz.ts';

const only = (text: string) => {
  const { batch, messages } = decode(text);
  expect(batch).toBe(false);
  expect(messages).toHaveLength(1);
  return messages[0];
};

describe('the JSON-RPC decoder', () => {
  // The examples of section 7 of the specification.
  it('reads a request with positional and with named params', () => {
    expect(only('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}')).toEqual({
      kind: 'request',
      id: 1,
      method: 'subtract',
      params: [42, 23],
    });
    expect(only('{"jsonrpc":"2.0","method":"subtract","params":{"subtrahend":23},"id":"a"}')).toEqual({
      kind: 'request',
      id: 'a',
      method: 'subtract',
      params: { subtrahend: 23 },
    });
  });

  it('reads a notification, with params or without', () => {
    expect(only('{"jsonrpc": "2.0", "method": "update", "params": [1]}')).toEqual({
      kind: 'notification',
      method: 'update',
      params: [1],
    });
    expect(only('{"jsonrpc": "2.0", "method": "foobar"}')).toMatchObject({
      kind: 'notification',
      params: {},
    });
  });

  it.each([
    ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', errorCode.parse],
    ['[{"jsonrpc": "2.0", "method": "sum", "id": "1"},{"jsonrpc": "2.0", "method"', errorCode.parse],
    ['', errorCode.parse],
    ['\u0000\u0001', errorCode.parse],
    ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}', errorCode.invalidRequest],
    ['{"jsonrpc": "2.0", "method": "x", "params": "bar"}', errorCode.invalidRequest],
    ['{"jsonrpc": "2.0", "method": "x", "params": null}', errorCode.invalidRequest],
    ['{"jsonrpc": "1.0", "method": "x"}', errorCode.invalidRequest],
    ['{"method": "x", "id": 1}', errorCode.invalidRequest],
    ['{"jsonrpc": "2.0", "method": "x", "id": {}}', errorCode.invalidRequest],
    ['{"jsonrpc": "2.0", "id": 1}', errorCode.invalidRequest],
    ['{"jsonrpc": "2.0", "result": 1}', errorCode.invalidRequest],
    [
      '{"jsonrpc": "2.0", "id": 1, "result": 1, "error": {"code": 1, "message": ""}}',
      errorCode.invalidRequest,
    ],
    ['{"jsonrpc": "2.0", "id": 1, "error": "no"}', errorCode.invalidRequest],
    ['[]', errorCode.invalidRequest],
    ['1', errorCode.invalidRequest],
    ['null', errorCode.invalidRequest],
  ])('answers %j with %i', (text, code) => {
    expect(only(text)).toMatchObject({ kind: 'malformed', error: { code } });
  });

  it('judges each entry of a batch by itself', () => {
    const { batch, messages } = decode('[1, {"jsonrpc": "2.0", "method": "x", "id": 7}, {"foo": "boo"}]');
    expect(batch).toBe(true);
    expect(messages.map(({ kind }) => kind)).toEqual(['malformed', 'request', 'malformed']);
  });

  it('refuses a batch that asks for too many answers', () => {
    const batch = (entries: number) => `[${Array(entries).fill('1').join(',')}]`;
    expect(decode(batch(maxBatchEntries)).messages).toHaveLength(maxBatchEntries);
    expect(only(batch(maxBatchEntries + 1))).toMatchObject({ kind: 'malformed', error: { code: -32_600 } });
  });

  it('takes nothing from a prototype that a message brings along', () => {
    const text = '{"__proto__": {"jsonrpc": "2.0", "method": "x"}, "id": 1}';
    expect(only(text)).toMatchObject({ kind: 'malformed' });
  });

  it('keeps the id of a request that is wrong elsewhere, so that its sender learns of it', () => {
    expect(only('{"jsonrpc": "2.0", "method": 1, "id": "mine"}')).toMatchObject({
      kind: 'malformed',
      id: 'mine',
    });
  });
});

const json = fc.jsonValue({ maxDepth: 3 });
const params = fc.dictionary(fc.string(), json);
const id = fc.integer({ min: 1 });
const message = fc.oneof(
  fc.tuple(id, fc.string(), params).map(([n, method, value]) => encodeRequest(n, method, value)),
  fc.tuple(fc.string(), params).map(([method, value]) => encodeNotification(method, value)),
  fc.tuple(id, json).map(([n, value]) => encodeResult(n, value)),
  fc.tuple(id, fc.integer(), fc.string()).map(([n, code, text]) => encodeError(n, { code, message: text })),
);

/** Nearly right: fields of the right names with values of any kind. */
const nearlyMessage = fc
  .record(
    {
      jsonrpc: fc.oneof(fc.constant('2.0'), json),
      method: fc.oneof(fc.string(), json),
      id: fc.oneof(fc.integer(), json),
      params: json,
      result: json,
      error: fc.oneof(fc.record({ code: json, message: json }), json),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

/** A right text with a piece cut out or replaced. */
const damaged = fc.tuple(message, fc.nat(), fc.nat(20), fc.string()).map(([text, at, length, piece]) => {
  const start = at % (text.length + 1);
  return text.slice(0, start) + piece + text.slice(start + length);
});

function expectWellFormed(text: string): void {
  const { messages } = decode(text);
  if (messages.length === 0) throw new Error('nothing was read');
  for (const one of messages) {
    if (one.kind === 'malformed') {
      if (!Number.isInteger(one.error.code) || one.error.message === '')
        throw new Error('an error without words');
    } else if (one.kind === 'request' || one.kind === 'notification') {
      if (typeof one.method !== 'string' || typeof one.params !== 'object' || one.params === null) {
        throw new Error('a call of a wrong shape');
      }
    }
  }
}

describe('the JSON-RPC decoder', () => {
  it('reads any text and any JSON as messages or as an error, and never throws', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      damaged,
      nearlyMessage,
      fc.array(nearlyMessage, { maxLength: 4 }).map(encodeBatch),
      json.map((value) => JSON.stringify(value)),
    );
    fc.assert(fc.property(text, expectWellFormed), fuzzRuns('json-rpc', 100_000));
  });

  it('reads back what was encoded', () => {
    fc.assert(
      fc.property(message, (text) => {
        const [one] = decode(text).messages;
        if (one === undefined || one.kind === 'malformed') throw new Error(`cannot read ${text}`);
        const { kind: _kind, ...fields } = one;
        if (!isDeepStrictEqual({ jsonrpc: '2.0', ...fields }, JSON.parse(text)))
          throw new Error('another message');
      }),
      { numRuns: 20_000 },
    );
  });
});
