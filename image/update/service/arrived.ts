import type { IncomingMessage } from 'node:http';

/** Bytes that may wait for whoever takes them. */
const MAX_WAITING = 1024 * 1024;

/**
 * All that arrives of a response, in order. Unlike the stream's own iterator it gives all that came before a connection
 * broke, and only then throws: what has come need not come again. To be called when the response is new.
 */
export function arrived(response: IncomingMessage): AsyncGenerator<Buffer> {
  const waiting: Buffer[] = [];
  let length = 0;
  let end: { error: Error | undefined } | undefined;
  let news = Promise.withResolvers<void>();
  const over = (error?: Error) => {
    end ??= { error };
    news.resolve();
  };
  response.on('data', (chunk: Buffer) => {
    waiting.push(chunk);
    length += chunk.length;
    if (length > MAX_WAITING) response.pause();
    news.resolve();
  });
  response.once('end', () => over()).once('error', over);
  response.once('close', () => over(new Error('the connection broke')));
  return (async function* take() {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk !== undefined) {
        length -= chunk.length;
        if (length <= MAX_WAITING) response.resume();
        yield chunk;
      } else if (end !== undefined) {
        if (end.error !== undefined) throw end.error;
        return;
      } else {
        await news.promise;
        news = Promise.withResolvers();
      }
    }
  })();
}
