export type { Path } from './document.ts';
export { InvalidFile, MAX_PROBLEMS, type Problem } from './errors.ts';
export { nearest } from './nearest.ts';
export { type Format, parseText, type Reading, type Remark, read, TooMuch } from './parse.ts';
export { readText } from './read-text.ts';
