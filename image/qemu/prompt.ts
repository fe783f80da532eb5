/** The prompt of the command line. */
export const PROMPT = /viscript@[\w.-]+> /;
/** By which a board says that it is in service: the prompt, or the question before it. */
export const IN_SERVICE = new RegExp(`${PROMPT.source}|Passphrase of this console: `);
