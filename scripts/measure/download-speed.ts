import { MeasureError } from './process.ts';
import type { WayThrough } from './way-through.ts';

export interface SpeedOptions {
  /** Runs a command where the download is to come. @returns its standard output */
  run(file: string, ...args: string[]): Promise<string>;
  through: WayThrough;
  /** Of `blob.ts` at the server. */
  port: number;
  bytes: number;
}

/** @returns MB/s as curl measures it, from the first byte on. @throws {MeasureError} not everything came */
export async function downloadSpeed({ run, through, port, bytes }: SpeedOptions): Promise<number> {
  const { curl, server } = through;
  const stdout = await run(
    'curl',
    ...['--silent', '--show-error', '--fail', '--output', '/dev/null', ...curl],
    ...['--write-out', '%{size_download} %{time_starttransfer} %{time_total}'],
    `http://${server}:${port}/${bytes}`,
  );
  const [came = 0, start = 0, total = 0] = stdout.split(' ').map(Number);
  if (came !== bytes) throw new MeasureError(`${came} bytes came of ${bytes}: curl ${curl.join(' ')}`);
  return bytes / 1e6 / (total - start);
}
