const CSI = '(?:\\x1b\\[|\\xc2\\x9b)';
const DCS = '(?:\\x1bP|\\xc2\\x90)';
const OSC = '(?:\\x1b\\]|\\xc2\\x9d)';
const ST = '(?:\\x1b\\\\|\\xc2\\x9c)';

/**
 * What makes a terminal answer (xterm's ctlseqs): who it is, where the cursor stands, how large it is, which modes,
 * settings, colours, title or clipboard it has. In the eight-bit forms too, as UTF-8 has them.
 */
const QUESTIONS = new RegExp(
  [
    '\\x05',
    '\\x1bZ',
    String.raw`${CSI}[?>=]?[\d;]*(?:[ncx]|\$p|\$w)`,
    String.raw`${CSI}>[\d;]*q`,
    String.raw`${CSI}\?u`,
    `${CSI}(?:1[1-9]|2[01])t`,
    String.raw`${DCS}[$+]q[^\x1b]{0,4096}${ST}`,
    String.raw`${OSC}[^\x07\x1b]{0,200};\?[^\x07\x1b]{0,200}(?:\x07|${ST})`,
  ].join('|'),
  'g',
);

/** What a board said before, without what would make the terminal answer it now: the answers would be typed to the board. */
export function withoutQuestions(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(QUESTIONS, ''), 'latin1');
}
