import fc from 'fast-check';
import { it } from 'vitest';
import * as messages from '../../../services/signal/messages.ts';
import { fuzzRuns } from '../../fuzz.ts';
import { shapesTake } from '../../shapes.ts';

const figure = fc.double({ noNaN: true, noDefaultInfinity: true });
const usage = fc.record({
  ...{ heapUsed: figure, heapTotal: figure, external: figure, uptime: figure },
  eventLoopDelay: fc.record({ p50: figure, p99: figure, max: figure }),
  ...{ pss: figure, descriptors: figure },
});

it('takes nothing of an app that has not its shape', () => {
  const shapes = shapesTake({
    register: [
      messages.registerParams,
      fc.record({ clientId: fc.nat(), token: fc.string(), pid: fc.integer({ min: 1 }) }),
    ],
    status: [messages.statusParams, fc.record({ text: fc.string() })],
    metrics: [messages.metricsParams, fc.record({ values: fc.dictionary(fc.string(), figure) })],
    usage: [messages.appUsage, usage],
  });
  fc.assert(shapes, fuzzRuns('signal-messages', 100_000));
});
