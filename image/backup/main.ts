import { makeBackup, parseAsked } from './make.ts';

/**
 * The program of viscript-backup@.service: one question on standard input, one answer on standard output, both on the
 * connection that viscript has opened. It has no rights; what it seals systemd has handed over.
 */
const MAX_QUESTION_BYTES = 640 * 1024;
const PATIENCE_MS = 10_000;

const patience = setTimeout(() => fail('no question came in time'), PATIENCE_MS);
try {
  const question = await readLine();
  clearTimeout(patience);
  process.stdout.write(await makeBackup(process.env.CREDENTIALS_DIRECTORY ?? '', parseAsked(question)));
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function readLine(): Promise<string> {
  let text = '';
  for await (const piece of process.stdin.setEncoding('utf8')) {
    text += piece;
    const end = text.indexOf('\n');
    if (end !== -1) return text.slice(0, end);
    if (text.length > MAX_QUESTION_BYTES) throw new Error('the question is too long');
  }
  throw new Error('the question has no end');
}

function fail(message: string): void {
  process.stdout.write(`cannot: ${message.replaceAll('\n', ' ')}\n`);
  process.exitCode = 1;
  clearTimeout(patience);
  process.stdin.destroy();
}
