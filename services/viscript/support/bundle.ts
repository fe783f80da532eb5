import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { CommandContext } from '../commands/command.ts';
import { partsOf } from './collect.ts';
import { Redactor } from './redact.ts';
import { knowSecrets } from './secrets.ts';
import { tarEnd, tarMember } from './tar.ts';

/** Bytes of one member and of all of them together, before they are compressed. */
const mostOfMember = 524_288;
const mostInAll = 8_388_608;
/** Lines that are looked through in one turn, in which nobody else is served. */
const turnLines = 20;

/** The bundle as a compressed tar archive, a piece at a time: one member is in memory, and no secret is in any. */
export async function* supportBundle(
  context: CommandContext,
  node: string | undefined,
): AsyncGenerator<Buffer> {
  const redactor = new Redactor();
  const { supervisor } = context;
  knowSecrets(redactor, supervisor.config.apps.values(), [...supervisor.over, ...supervisor.launches]);
  const gzip = createGzip();
  // Errors of the source reach whoever reads the other end.
  const source = Readable.from(members(context, redactor, node), { objectMode: false });
  source.once('error', (error) => gzip.destroy(error));
  source.pipe(gzip);
  try {
    for await (const chunk of gzip) yield Buffer.from(chunk);
  } finally {
    source.destroy();
    gzip.destroy();
  }
}

async function* members(
  context: CommandContext,
  redactor: Redactor,
  node: string | undefined,
): AsyncGenerator<Buffer> {
  const time = Date.now();
  let left = mostInAll;
  for (const { name, text } of partsOf(context, redactor, node)) {
    context.signal.throwIfAborted();
    const said = await text().catch((error: unknown) => `not there: ${String(error)}\n`);
    const content = Buffer.from(await clean(said, redactor)).subarray(-Math.min(left, mostOfMember));
    if (left <= 0) break;
    left -= content.length;
    yield tarMember(`skyminer-support/${redactor.text(name).slice(-80)}`, content, time);
  }
  yield tarEnd;
}

/** Line by line, in turns. */
async function clean(text: string, redactor: Redactor): Promise<string> {
  const lines = text.slice(-mostOfMember).split('\n');
  const done: string[] = [];
  for (let at = 0; at < lines.length; at += turnLines) {
    done.push(...lines.slice(at, at + turnLines).map((line) => redactor.text(line)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done.join('\n');
}
