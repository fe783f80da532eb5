import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { encodeCopy } from '../../image/disk/state.ts';
import { addArguments, writeOnData, writeStateCopy } from './disk-changes.ts';
import { BOOTING_MS, copyOfImage, Guest } from './fixture.ts';
import { isLong } from './long.ts';

/** Of a slot that is left by itself before. */
const U_BOOT = { timeoutMs: BOOTING_MS };
const START = /Starting slot [^\n]*\n/;
const SOON = { timeout: 300_000, interval: 1000 };
const VERSION = String.raw`\d+\.\d+\.\d+-[0-9a-f]{8}`;

/** Of a slot that is confirmed, in a row; the soak has ten times as many. */
const REBOOTS = Number(process.env.SKYMINER_REBOOTS ?? 3);

interface Trial {
  /** Arguments for the kernel of slot B alone. */
  words: string;
  /** Attempts that slot B has left. Default 1. */
  attempts?: number;
  /** Network ports that the board had under slot A. */
  network?: string[];
  /** The owner's config. */
  config?: string;
}

/** Slot A has proved good and slot B is on trial: as after an update. The caller removes the image. */
async function boardWithTrial({ words, attempts = 1, network = [], config }: Trial): Promise<string> {
  const image = await copyOfImage();
  await writeStateCopy(image, 0, encodeCopy({ sequence: 9, first: 'B', left: { A: 3, B: attempts } }));
  const confirmed = { version: '0.0.1-old', confirmed: '2026-11-01T12:00:00.000Z' };
  const record = { slots: { A: confirmed, B: { version: '0.0.2-new' } }, network };
  await writeOnData(image, '/system/slots.json', JSON.stringify(record));
  if (config !== undefined) await writeOnData(image, '/viscript/config.yaml', config);
  await addArguments(image, 'B', words);
  return image;
}

/** Runs such a board until it is back on slot A by itself. @returns what greets a person, and what status says there */
async function fallsBack(trial: Trial): Promise<{ greeting: string; status: string; starts: string[] }> {
  const image = await boardWithTrial(trial);
  try {
    await using guest = await Guest.start({ image });
    const starts: string[] = [];
    do starts.push(await startOf(guest));
    while (starts.at(-1)?.startsWith('Starting slot B') === true);
    const greeting = await guest.booted();
    return { greeting, status: await guest.cli.run('status'), starts };
  } finally {
    await rm(image);
  }
}

/** Waits for U-Boot to start a slot. @returns what it says of that; what the slot before said is behind */
async function startOf({ console, cli }: Guest): Promise<string> {
  const output = await console.waitFor(START, U_BOOT);
  cli.line.skip();
  return (START.exec(output)?.[0] ?? '').trim();
}

/** Words for the kernel that change a service of that slot alone: systemd.system-credentials(7). */
function dropIn(service: string, line: string): string {
  const content = Buffer.from(`[Service]\n${line}\n`).toString('base64');
  return `systemd.set_credential_binary=systemd.unit-dropin.${service}.service:${content}`;
}

const ON_A = 'Starting slot A, attempts left 2 B-used-up';

describe.skipIf(!isLong)('a slot on trial (needs SKYMINER_LONG)', () => {
  it(
    'is confirmed when all was well for a minute; then neither reboots nor pulled plugs count as failures',
    async () => {
      const image = await boardWithTrial({ words: 'skyminer.patience=3000', network: ['any'] });
      try {
        await using guest = await Guest.start({ image });
        expect(await startOf(guest)).toBe('Starting slot B, attempts left 0');
        await guest.booted();
        expect(await guest.cli.run('status')).toMatch(
          new RegExp(`^slots: B runs ${VERSION}, on trial; A has 0\\.0\\.1-old, confirmed$`, 'm'),
        );
        await expect
          .poll(() => guest.cli.run('status'), SOON)
          .toMatch(new RegExp(`^slots: B runs ${VERSION}, confirmed; `, 'm'));
        expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');

        for (let reboot = 0; reboot < REBOOTS; reboot++) {
          if (reboot > 0) await guest.booted();
          if (reboot % 2 === 0) await guest.root.reboot();
          else {
            await expect.poll(() => guest.root.text('ls -1 /run/skyminer'), SOON).toMatch(/^good$/m);
            await guest.board.reset();
          }
          expect(await startOf(guest)).toBe('Starting slot B, attempts left 2');
        }
      } finally {
        await rm(image);
      }
    },
    (1 + REBOOTS) * BOOTING_MS,
  );
});

describe('a board on trial falls back, and says why, when', () => {
  it(
    'its kernel panics, each time that it is tried',
    async () => {
      const attempts = isLong ? 3 : 1;
      const { greeting, status, starts } = await fallsBack({ attempts, words: 'rdinit=/none' });
      const onB = [2, 1, 0].slice(-attempts).map((left) => `Starting slot B, attempts left ${left}`);
      expect(starts).toEqual([...onB, ON_A]);
      const why = 'its kernel did not start, or not as far as its initramfs';
      expect(greeting).toContain(`because: B-used-up: ${why}`);
      expect(status).toContain(`slot B was passed over: ${why}`);
    },
    2 * BOOTING_MS,
  );
});

describe.skipIf(!isLong)('a board falls back, and says why, when on trial (needs SKYMINER_LONG)', () => {
  it(
    'its supervisor crashes at once',
    async () => {
      const { greeting, status, starts } = await fallsBack({
        words: `skyminer.patience=120 ${dropIn('viscript', 'Environment=NODE_OPTIONS=--require=/none')}`,
      });
      expect(starts).toEqual(['Starting slot B, attempts left 0', ON_A]);
      const why = /the supervisor did not run: its unit is .*Cannot find module '\/none'/;
      expect(greeting).toMatch(new RegExp(`because: B-used-up: ${why.source}`));
      expect(status).toMatch(
        new RegExp(`^last failure of a slot: B \\(${VERSION}\\) at .*: ${why.source}`, 'm'),
      );
    },
    2 * BOOTING_MS,
  );

  it(
    'an app that starts by itself does not get ready',
    async () => {
      const config =
        'apps:\n  greeter:\n    path: /bin/sh\n    default_args: [-c, "echo no greeting today; exit 3"]\n    autostart: true\n';
      const { status } = await fallsBack({ words: 'skyminer.patience=120', config });
      expect(status).toMatch(
        /^last failure of a slot: B .*: app greeter is (?:failing|starting), not ready.*no greeting today/m,
      );
    },
    2 * BOOTING_MS,
  );

  it(
    'it has no network, which the version before had',
    async () => {
      const { greeting } = await fallsBack({
        words: 'skyminer.patience=120 systemd.mask=systemd-networkd.service',
        network: ['enp0s1'],
      });
      expect(greeting).toMatch(
        /because: B-used-up: no network: no link on \w+; .*the version before had one on enp0s1/,
      );
    },
    2 * BOOTING_MS,
  );
});

describe.skipIf(!isLong)('a trial in which nobody is left to say anything (needs SKYMINER_LONG)', () => {
  it(
    'ends all the same, and the other slot says so',
    async () => {
      const { status } = await fallsBack({ words: 'systemd.setenv=NODE_OPTIONS=--require=/none' });
      expect(status).toMatch(
        /^slot B was passed over: nobody could say whether it was in order: viscript\.service was \w+, slot-gate\.service failed$/m,
      );
    },
    2 * BOOTING_MS,
  );
});
