import type { Launch } from '../supervisor/launch.ts';
import type { OutputLine } from '../supervisor/output.ts';
import type { CommandContext } from './command.ts';
import { follow } from './follow.ts';
import { printable } from './format.ts';

/** Lines of the past that attaching shows. */
const shownBefore = 20;

/** Shows the command line of an app, then its output, and feeds it what is typed; until Ctrl-C or the app's end. */
export async function attachTo(launch: Launch, context: CommandContext): Promise<undefined> {
  void forwardInput(launch, context);
  context.text(`${launch.command}\n`);
  await followFrom(launch, shownBefore, context);
  if (launch.state === 'exited' && !context.signal.aborted) context.text(`${launch.app.name} has ended\n`);
  return undefined;
}

/** Shows the last `count` lines there are, and then each new one until the launch ends or the person has enough. */
export async function followFrom(launch: Launch, count: number, context: CommandContext): Promise<void> {
  const show = ({ time, stream, text }: OutputLine) =>
    context.put({ time, stream, text }, `${printable(text)}\n`);
  launch.output.last(count).forEach(show);
  await follow({ launches: [launch], show }, context);
}

async function forwardInput(launch: Launch, { input, text }: CommandContext): Promise<void> {
  let told = false;
  for await (const data of input) {
    if (launch.write(data) || told) continue;
    told = true;
    text(`${launch.app.name} reads no input; Ctrl-C leaves\n`);
  }
}
