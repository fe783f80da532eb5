import { once } from 'node:events';
import type { Launch } from '../supervisor/launch.ts';
import type { OutputLine } from '../supervisor/output.ts';
import type { CommandContext } from './command.ts';
import { printable } from './format.ts';

/** Lines of the past that attaching shows. */
const shownBefore = 20;

/** Shows the command line of an app, then its output, and feeds it what is typed; until Ctrl-C or the app's end. */
export async function attachTo(launch: Launch, context: CommandContext): Promise<undefined> {
  void forwardInput(launch, context);
  context.text(`${launch.command}\n`);
  await follow(launch, context, launch.output.last(shownBefore), (line) => `${printable(line.text)}\n`);
  if (launch.state === 'exited' && !context.signal.aborted) context.text(`${launch.app.name} has ended\n`);
  return undefined;
}

/** Puts the lines there are, and then each new one until the launch ends or the person has enough. */
export async function follow(
  launch: Launch,
  { put, signal }: CommandContext,
  before: OutputLine[],
  format: (line: OutputLine) => string,
): Promise<void> {
  const show = (line: OutputLine) => put(line, format(line));
  before.forEach(show);
  launch.output.on('line', show);
  try {
    if (!signal.aborted) await Promise.race([launch.ended, once(signal, 'abort')]);
  } finally {
    launch.output.off('line', show);
  }
}

async function forwardInput(launch: Launch, { input, text }: CommandContext): Promise<void> {
  let told = false;
  for await (const data of input) {
    if (launch.write(data) || told) continue;
    told = true;
    text(`${launch.app.name} reads no input; Ctrl-C leaves\n`);
  }
}
