/** The prompt of the command line, by which a board says that it is in service. */
export const PROMPT = /viscript@[\w.-]+> /;
