import fc from 'fast-check';
import { it } from 'vitest';
import { incomingShape } from '../../../services/mesh/incoming.ts';
import * as stream from '../../../services/mesh/stream.ts';
import { fuzzRuns } from '../../fuzz.ts';
import { shapesTake } from '../../shapes.ts';

const id = fc.integer({ min: 1 });
const bytes = fc.nat();
const node = fc.stringMatching(/^[0-9a-f]{64}$/);
const app = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
const reason = fc.string({ maxLength: 600 });

it('takes nothing of a node, or of an app, that has not its shape', () => {
  const shapes = shapesTake({
    incoming: [
      incomingShape,
      fc.record({ id, kind: fc.constantFrom('stream', 'channel'), remote: fc.record({ node, app }) }),
    ],
    hold: [stream.streamHoldShape, fc.record({ id })],
    held: [stream.heldShape, fc.record({ bytes })],
    pass: [stream.streamPassShape, fc.record({ id, bytes })],
    over: [stream.streamOverShape, fc.record({ id, sent: bytes, received: bytes, reason })],
    end: [stream.streamEndShape, fc.record({ id, bytes })],
    reset: [stream.streamResetShape, fc.record({ id, reason })],
  });
  fc.assert(shapes, fuzzRuns('session-messages', 100_000));
});
