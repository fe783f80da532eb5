import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../services/program/usage.ts';
import { idleApps, watchWear } from './endurance/wear.ts';
import { abortOnSignals, root, runProgram } from './lib/program.ts';

const usage = `Usage: node scripts/wear.ts [--image FILE] [--settle MINUTES] [--minutes MINUTES]

Boots an image in QEMU, starts ${idleApps} apps that have nothing to do, and measures how much is written to the
partition data meanwhile: what wears out the card of a board that nobody uses.

  --image FILE       the image, with u-boot.bin beside it (default the newest of ./scripts/image)
  --settle MINUTES   what is written in this time after the boot does not count (default 3)
  --minutes MINUTES  for how long the board is watched (default 5)
  -h, --help         print this text
`;

await runProgram('wear', async () => {
  const { values } = parseArgs({
    options: {
      image: { type: 'string', default: join(root, 'out/qemu-aarch64/skyminer.img') },
      settle: { type: 'string', default: '3' },
      minutes: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { image } = values;
  const signal = abortOnSignals();
  const settleMinutes = positive('--settle', values.settle);
  const minutes = positive('--minutes', values.minutes);
  const { spans, perDay } = await watchWear({
    ...{ image, uBoot: join(dirname(image), 'u-boot.bin'), settleMinutes, minutes, signal },
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const day = new Date().toISOString().slice(0, 10);
  process.stdout.write(
    `On ${day}, ${settleMinutes} min after its start and with ${idleApps} idle apps, a board in QEMU wrote to data in ${minutes} min, ` +
      `minute by minute, ${spans.join(', ')} bytes: ${perDay} bytes (${(perDay / 1e6).toFixed(1)} MB) in a day at that rate.\n`,
  );
  return signal.aborted ? 1 : 0;
});

function positive(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`${option} must be a whole number from 1 on`);
  return Number(text);
}
