import fc from 'fast-check';
import { it } from 'vitest';
import * as messages from '../../../services/names/messages.ts';
import { fuzzRuns } from '../../fuzz.ts';
import { shapesTake } from '../../shapes.ts';

const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
const printable = fc.stringMatching(/^[!-~]{1,20}$/);
const secret = fc.stringMatching(/^[A-Za-z0-9_-]{43,50}$/);
const entry = { name: word, type: word, node: printable, address: printable };
const lease = fc.integer({ min: messages.limits.leaseMs.min, max: messages.limits.leaseMs.max });

it('takes nothing of a tracker or of who asks it that has not its shape', () => {
  const shapes = shapesTake({
    register: [messages.registerParams, fc.record({ ...entry, secret, lease })],
    owner: [messages.ownerParams, fc.record({ name: word, secret })],
    find: [messages.findParams, fc.record({ name: word, type: word, after: word })],
    lease: [messages.leaseAnswer, fc.record({ lease })],
    found: [
      messages.findAnswer,
      fc.record({
        apps: fc.array(fc.record({ ...entry, expiresIn: fc.nat() }), { maxLength: 3 }),
        next: word,
      }),
    ],
  });
  fc.assert(shapes, fuzzRuns('tracker-messages', 100_000));
});
