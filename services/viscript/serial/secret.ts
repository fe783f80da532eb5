import { KeyQueue } from '../terminal/key-queue.ts';
import { MAX_PASSPHRASE } from './rescue-protocol.ts';

/**
 * Asks on a line and shows nothing of what is typed.
 *
 * @returns undefined when the line has gone or `signal` was aborted; an empty text for Ctrl-C, Ctrl-D and Enter alone
 */
export async function askSecret(
  line: NodeJS.ReadWriteStream,
  question: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const keys = new KeyQueue(line);
  try {
    line.write(question);
    let typed = '';
    for (;;) {
      const key = await keys.next(signal);
      if (key === undefined || key === 'closed') return undefined;
      if (key === 'eof') return '';
      if (key.kind === 'text') typed = (typed + key.text).slice(0, MAX_PASSPHRASE);
      else if (key.name === 'enter') return typed;
      else if (key.name === 'ctrl-c' || key.name === 'ctrl-d') return '';
      else if (key.name === 'backspace') typed = typed.replace(/.$/su, '');
      else if (key.name === 'ctrl-u') typed = '';
    }
  } finally {
    keys.close();
    line.write('\r\n');
  }
}
