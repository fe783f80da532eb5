import { expect, it } from 'vitest';
import { freePorts } from '../../../../scripts/lib/free-ports.ts';
import { EndProcess } from '../../../../scripts/measure/relay/end-process.ts';

const bytes = String(1_000_000);

it('sends as much as it is told, as often as it is asked, and waits until the sink has it', async () => {
  await using stack = new AsyncDisposableStack();
  const [port = 0] = await freePorts(1);
  await EndProcess.start(['sink', bytes, 'tcp', String(port)], stack);
  const source = await EndProcess.start(['source', bytes, 'tcp', String(port)], stack);
  for (let round = 0; round < 3; round++) expect(await source.transfer()).toBeGreaterThan(0);
});

it('says when it cannot go on', async () => {
  await using stack = new AsyncDisposableStack();
  await using sinks = new AsyncDisposableStack();
  const [port = 0] = await freePorts(1);
  // It never has all.
  await EndProcess.start(['sink', '1000000000', 'tcp', String(port)], sinks);
  const source = await EndProcess.start(['source', bytes, 'tcp', String(port)], stack);
  const transfer = source.transfer();
  await sinks.disposeAsync();
  await expect(transfer).rejects.toThrow('an end of the way has ended');
});
