import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassphrase } from '../../services/net/passphrase.ts';
import { BOOT_MS, BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';
import { isLong } from './long.ts';

const PASSPHRASE = 'correct horse battery';
const ASKED = /Passphrase of this console: /;
const DOWN = /viscript is down> /;
/** Generous: an emulated board on a busy machine starts Node in seconds. */
const SOON = { timeoutMs: 180_000 };

/** The tests go on from one another, as a day with a broken board does. */
let guest: Guest;

beforeAll(async () => {
  guest = await bootedGuest();
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

async function logIn(): Promise<void> {
  await guest.cli.line.waitFor(ASKED, SOON);
  await guest.cli.line.write(`${PASSPHRASE}\r`);
}

describe('the rescue menu of a board', () => {
  it('comes when the config is broken, says where, and brings viscript back with the one that worked', async () => {
    const { root, cli } = guest;
    await root.text(
      'install -o viscript -g viscript -m 644 /usr/lib/viscript/config.yaml /data/viscript/ && systemctl restart viscript',
    );
    await cli.greeting(SOON.timeoutMs);
    await expect
      .poll(() => root.text('cat /data/viscript/config.good.json'), { timeout: 60_000, interval: 1000 })
      .toContain('"/data/viscript/config.yaml"');
    expect(await cli.run('status')).toMatch(/serial console: open/);

    await root.text('echo "  broken" >> /data/viscript/config.yaml; systemctl --no-block restart viscript');
    await cli.line.waitFor(/its config is wrong: \/data\/viscript\/config\.yaml:\d+:\d+: /, SOON);
    await cli.line.waitFor(DOWN, SOON);
    await cli.line.write('previous\r');
    expect(await cli.line.waitFor(/Type yes: /, SOON)).toMatch(/\n- {2}broken\r/);
    await cli.line.write('yes\r');
    await cli.greeting(SOON.timeoutMs);
    expect(await cli.run('version')).toMatch(/^viscript/m);
    expect(await root.text('tail -n 1 /data/viscript/config.yaml.broken')).toBe('  broken');
  }, 600_000);
});

describe('a board with a console passphrase', () => {
  it('asks for it, counts wrong ones where no restart forgets them, and lets the right one in', async () => {
    const { root, cli } = guest;
    const hash = await hashPassphrase(PASSPHRASE, { N: 2 ** 14, r: 8, p: 1 });
    await root.text(
      `umask 077; printf '%s\\n' '${hash.trimEnd()}' > /data/console/passphrase; systemctl restart viscript-console@ttyS0`,
    );
    await cli.line.waitFor(ASKED, SOON);
    await cli.line.write('wrong\r');
    await cli.line.waitFor(/not the passphrase\.\r\nThe next try is in 1 s/, SOON);
    await cli.line.waitFor(ASKED, SOON);
    await root.text('systemctl restart viscript-console@ttyS0; systemctl stop viscript-rescue.service');
    expect(await root.text('cat /run/viscript-rescue/tries.json')).toMatch(/"ttyS0":\{"failures":1,/);
    await logIn();
    await cli.greeting(SOON.timeoutMs);
    expect(await cli.run('status')).toMatch(/serial console: asks for its passphrase/);
    expect(await root.text('journalctl -b --no-pager | grep -c "battery" || true')).toBe('0');
  }, 600_000);

  it('shows its hash, and what may be asked of root, to no other user', async () => {
    const { root } = guest;
    for (const user of ['viscript', 'admin']) {
      const read = await root.run(`runuser -u ${user} -- cat /data/console/passphrase`);
      expect(read.output).toMatch(/Permission denied/);
      const asked = await root.run(`runuser -u ${user} -- nc.openbsd -U /run/viscript-rescue.sock`);
      expect(asked.output).toMatch(/Permission denied/);
    }
  });

  it.skipIf(!isLong)(
    'gives its holder a root shell while viscript is down, and the console after it (needs SKYMINER_LONG)',
    async () => {
      const { root, cli } = guest;
      await root.text('systemctl stop viscript');
      await cli.line.waitFor(DOWN, SOON);
      await cli.line.write('shell\r');
      await logIn();
      await cli.line.waitFor(/[#$] $/, SOON);
      await cli.line.write('echo "I am $(id -u)"; exit\r');
      await cli.line.waitFor(/I am 0\r/, SOON);
      await logIn();
      await cli.line.waitFor(DOWN, SOON);
    },
    600_000,
  );

  it.skipIf(!isLong)(
    'boots from the other slot once when told to, whatever is typed while U-Boot runs (needs SKYMINER_LONG)',
    async () => {
      const { root, cli, console, board } = guest;
      // A slot on which viscript does not run does not prove good, and is left: not while this test looks at it.
      await root.text('mkdir /tmp/boot && mount /dev/disk/by-partlabel/boot /tmp/boot');
      await root.text('echo extra=skyminer.patience=9000 > /tmp/boot/skyminer.txt; umount /tmp/boot');
      await root.text('echo "  broken" >> /data/viscript/config.yaml; sync');
      await cli.line.write('other\r');
      await cli.line.waitFor(/Type yes: /, SOON);
      expect(await bootUnderKeys(() => cli.line.write('yes\r'))).toMatch(/Starting slot B, attempts left 0/);
      await cli.line.waitFor(ASKED, { timeoutMs: BOOT_MS });
      await cli.line.write(`${PASSPHRASE}\r`);
      await cli.line.waitFor(DOWN, SOON);
      await cli.line.write('shell\r');
      await logIn();
      await cli.line.waitFor(/[#$] $/, SOON);
      await cli.line.write('grep -o "skyminer.slot=." /proc/cmdline\r');
      expect(await cli.line.waitFor(/skyminer\.slot=\w\r/, SOON)).toMatch(/slot=B\r$/);
      expect(await bootUnderKeys(() => board.reset())).toMatch(/Starting slot A, attempts left 2 B-used-up/);
      expect(console.transcript).not.toMatch(/Hit any key|\n=> /);
    },
    BOOTING_MS,
  );
});

/** A boot up to U-Boot's last words, while somebody types on its line as fast as it takes keys. @returns what U-Boot said */
async function bootUnderKeys(begin: () => Promise<void>): Promise<string> {
  const pressing = new AbortController();
  const pressed = pressKeys(pressing.signal);
  try {
    await begin();
    await guest.console.waitFor(/U-Boot 20/, { timeoutMs: BOOT_MS });
    return await guest.console.waitFor(/Starting kernel/, { timeoutMs: BOOT_MS });
  } finally {
    pressing.abort();
    await pressed;
  }
}

/** U-Boot takes a key each time it looks: most of these end what it does. */
const KEYS = `${'\x03'.repeat(7)} \r`;

/** What somebody does who wants U-Boot's prompt: any key, and Ctrl-C, again and again. */
async function pressKeys(signal: AbortSignal): Promise<void> {
  const released = once(signal, 'abort');
  while (!signal.aborted) await Promise.race([guest.console.write(KEYS), released]);
}
