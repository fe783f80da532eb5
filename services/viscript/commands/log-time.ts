import { UsageError } from './command.ts';

const ago = /^(?=\d)(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?$/;
const absolute = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * A time as `--since` and `--until` take it: `2026-01-31`, `2026-01-31T12:30`, with seconds and their parts where wanted,
 * then `Z` or `+01:00`, else in UTC as `logs` shows it; or how long ago: `90s`, `10m`, `2h`, `1d12h`.
 * @returns milliseconds since 1970 @throws {UsageError}
 */
export function parseLogTime(option: string, text: string, now: number): number {
  const [, ...spans] = ago.exec(text) ?? [];
  if (spans.length > 0) return now - millisecondsOf(spans);
  const [whole, day = '', clock = '00:00', zone = 'Z'] = absolute.exec(text) ?? [];
  const time = whole === undefined ? Number.NaN : Date.parse(`${day}T${clock}${zone}`);
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `logs: ${option} needs a time such as 2026-01-31T12:30 (in UTC) or how long ago it was, such as 10m or 2h, not ${text}`,
  );
}

function millisecondsOf([days = '0', hours = '0', minutes = '0', seconds = '0']: string[]): number {
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

/** Milliseconds since 1970 as `2026-01-31 12:30:00.000`, in UTC; {@link parseLogTime} takes it as it stands. */
export function formatLogTime(time: number): string {
  return new Date(time).toISOString().slice(0, 23).replace('T', ' ');
}
