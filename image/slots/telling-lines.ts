/** As Node, Python and Java name an error that nobody has caught. */
const ERROR = /^(?:Uncaught )?[\w$.]*(?:Error|Exception)(?: \[[\w-]+\])?: ./;

/** What of a program's last words tells why it ended: the last line that names an error, or else the last lines of all. */
export function tellingLines(lines: readonly string[], most: number): string[] {
  const words = lines.map((line) => line.trim()).filter((line) => line !== '');
  const error = words.findLast((line) => ERROR.test(line));
  return error === undefined ? words.slice(-most) : [error];
}
