import { History } from '../../../../services/viscript/terminal/history.ts';
import { Terminal } from '../../../../services/viscript/terminal/terminal.ts';
import { TestHost } from './test-host.ts';

/** A program that is nothing but a terminal on its own standard input and output. */
const terminal = new Terminal({
  input: process.stdin,
  output: process.stdout,
  host: new TestHost(),
  history: await History.open(process.env.HISTORY_FILE),
  color: false,
  terminal: process.stdin.isTTY === true,
});
const end = await terminal.run();
process.stdin.destroy();
process.stdout.write(`ended: ${end}\n`);
