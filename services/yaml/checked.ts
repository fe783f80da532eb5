import * as z from 'zod/mini';

/** Text of which a function says what is wrong with it, as the end of a sentence that its name begins: `must be …`. */
export function checkedText(problem: (text: string) => string | undefined) {
  return z.string('must be text').check((given) => {
    const message = problem(given.value);
    if (message !== undefined) given.issues.push({ code: 'custom', input: given.value, message });
  });
}
