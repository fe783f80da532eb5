import { expect, it } from 'vitest';
import { tellingLines } from '../../../image/slots/telling-lines.ts';

it('is the error that ended a program, not what stands around it', () => {
  const node = [
    'node:internal/modules/cjs/loader:1386',
    '  throw err;',
    '',
    "Error: Cannot find module '/none'",
    'Require stack:',
    '    at Module._load (node:internal/modules/cjs/loader:1)',
    "  code: 'MODULE_NOT_FOUND',",
    '}',
    '',
    'Node.js v24.1.0',
  ];
  expect(tellingLines(node, 3)).toEqual(["Error: Cannot find module '/none'"]);
  expect(tellingLines(['Traceback (most recent call last):', 'ValueError: no port'], 3)).toEqual([
    'ValueError: no port',
  ]);
  expect(tellingLines(['TypeError [ERR_INVALID_ARG]: one', '  Error: two '], 3)).toEqual(['Error: two']);
});

it('is the last lines where none names an error', () => {
  expect(tellingLines(['one', ' two', '', 'three'], 2)).toEqual(['two', 'three']);
  expect(tellingLines([], 2)).toEqual([]);
});
