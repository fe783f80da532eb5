import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { knownKeys } from '../../../services/yaml/keys.ts';

const schema = z.strictObject({
  boards: z.nullable(
    z.record(z.string(), z.nullable(z.strictObject({ roles: z.string(), mac: z.string() }))),
  ),
  network: z.optional(z.union([z.literal('dhcp'), z.strictObject({ gateway: z.string() })])),
  alerts: z.optional(z.array(z.strictObject({ command: z.string() }))),
});

describe('the keys that a map may have', () => {
  it.each([
    [[], ['boards', 'network', 'alerts']],
    [['boards'], []],
    [
      ['boards', 'node1'],
      ['roles', 'mac'],
    ],
    [['network'], ['gateway']],
    [['alerts', 3], ['command']],
    [['alerts', 3, 'command'], []],
    [['unknown', 'x'], []],
    [['constructor'], []],
  ])('at %j are %j', (path, keys) => {
    expect(knownKeys(schema, path)).toEqual(keys);
  });
});
