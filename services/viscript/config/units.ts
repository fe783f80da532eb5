/** Go's way of writing durations, which Compose has too: "1m30s", "1.5s", "500ms"; units from large to small. */
export const DURATION =
  /^(?=\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;

/** The longest delay of a Node.js timer is 24.8 days; nothing here needs more than a day. */
export const MAX_DURATION_MS = 24 * 3_600_000;

/** A number with a binary unit, as Compose, systemd and the kernel's cgroup files have it: "96M", "1.5G". */
export const SIZE = /^(\d+(?:\.\d+)?)([KMGTkmgt])$/;

/**
 * A duration in milliseconds, rounded to whole ones.
 *
 * @throws {RangeError} when the text is no duration.
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text);
  if (match === null) throw new RangeError(`not a duration: ${JSON.stringify(text)}`);
  const [, hours = '0', minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return Math.round(
    Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000 + Number(milliseconds),
  );
}

/**
 * A size in bytes, rounded down to whole ones.
 *
 * @throws {RangeError} when the text is no size.
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text);
  if (match === null) throw new RangeError(`not a size: ${JSON.stringify(text)}`);
  const [, number = '', unit = ''] = match;
  return Math.floor(Number(number) * 1024 ** ('KMGT'.indexOf(unit.toUpperCase()) + 1));
}
