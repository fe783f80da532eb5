import { KeptFormats } from './kept.ts';
import type { FormatStep } from './steps.ts';

/**
 * Brings `data` to the format of this system. Forward, step by step, each after what it touches was kept; back, when a
 * newer system was here and this one is started again, by putting back what that has kept. Can be cut short anywhere, and
 * done again, also by a system of another format.
 *
 * @param data where `data` is mounted
 * @param steps all steps from format 1; this system's format is one more than there are
 * @returns what its owner should know, a line each
 * @throws when the format cannot be told, or what was kept cannot be put back
 */
export async function bringToFormat(data: string, steps: readonly FormatStep[]): Promise<string[]> {
  const own = steps.length + 1;
  const kept = new KeptFormats(data);
  await kept.tidy();
  await finishWhatWasCutShort(kept);
  const told = await goBack(kept, own);
  for (let format = await kept.format(); format < own; format++) {
    const step = steps[format - 1];
    if (step === undefined) throw new Error(`there is no step from format ${format}`);
    await kept.keep(format, step.touches);
    try {
      await step.forward(data);
    } catch (error) {
      await kept.putBack(format);
      const why = error instanceof Error ? error.message : String(error);
      return [
        ...told,
        `data stays in format ${format}, for it could not be brought to ${format + 1}: ${why}`,
      ];
    }
    await kept.sync();
    await kept.setFormat(format + 1);
  }
  return told;
}

async function finishWhatWasCutShort(kept: KeptFormats): Promise<void> {
  const back = await kept.beingPutBack();
  if (back !== undefined) await kept.putBack(back);
  const format = await kept.format();
  // A step that did not end: what it has changed is half done.
  if (await kept.has(format)) await kept.putBack(format);
}

async function goBack(kept: KeptFormats, own: number): Promise<string[]> {
  const from = await kept.format();
  for (let format = from; format > own; format--) {
    if (!(await kept.has(format - 1)))
      return [
        `data is of format ${format}, which this version does not know, and nothing was kept to go back; update this board`,
      ];
    await kept.putBack(format - 1);
  }
  return from > own
    ? [
        `data was put back to format ${own}, as it was before a newer version made it ${from}; what that changed since is gone`,
      ]
    : [];
}
