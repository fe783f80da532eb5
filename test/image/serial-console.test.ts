import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Rig } from '../scripts/console/rig.ts';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';

/** A board in service whose lines are free for somebody else. */
async function plugged(): Promise<Guest & AsyncDisposable> {
  const guest = await bootedGuest();
  await guest.cli.line.close();
  await guest.console.close();
  return guest;
}

/** The name of a socket leads to another line now. */
async function leadTo(link: string, line: string): Promise<void> {
  await symlink(line, `${link}.new`);
  await rename(`${link}.new`, link);
}

it(
  'skyminer console talks to a board, and to the next one in its place',
  async () => {
    await using rig = await Rig.open();
    const [node3, kernel] = [join(rig.folder, 'node3'), join(rig.folder, 'kernel')];
    await mkdir(join(rig.folder, 'skyminer'));
    const names = `consoles: { node3: ${node3}, kernel: ${kernel} }\n`;
    await writeFile(join(rig.folder, 'skyminer/consoles.yaml'), names);
    const first = await plugged();
    try {
      await leadTo(node3, first.board.serial);
      await leadTo(kernel, first.board.console);

      const piped = rig.piped('node3', '--wait-quiet', '5');
      expect(await piped.end('apps\n')).toBe(0);
      expect(piped.stdout.text).toMatch(/^apptracker - \S+/m);

      const person = rig.onTerminal('node3', 'kernel', '--log-folder', join(rig.folder, 'logs'));
      await person.sees(/node3: connected to/);
      person.type('version\r');
      await person.sees(/viscript \d+\.\d+\.\d+[\s\S]*viscript@[\w.-]+> /);
      const watcher = rig.onTerminal('--watch', 'node3');
      await watcher.sees(/Looking on at[\s\S]*viscript \d+\.\d+\.\d+/);
      person.type('\x1d2');
      await person.sees(/talking to kernel \(2 of 2\)[\s\S]*connected to/);
      person.type('echo from the $((40 + 2))nd line\r');
      await person.sees(/from the 42nd line/);
      person.type('\x1d1');
      await person.sees(/talking to node3 \(1 of 2\)/);
      person.type('\x03nosuchcommand\r');
      await person.sees(/no command 'nosuchcommand'/);
      await watcher.sees(/no command 'nosuchcommand'/);

      await first.board.kill();
      await person.sees(/node3: unplugged/);
      // The next board's ptys may have the same numbers, and are its own until it is in service.
      await Promise.all([rm(node3), rm(kernel)]);
      const next = await plugged();
      try {
        await leadTo(node3, next.board.serial);
        await person.sees(/node3: connected to/);
        person.type('\x03version\r');
        await person.sees(/viscript \d+\.\d+\.\d+/);
        await watcher.sees(/node3: connected to[\s\S]*viscript \d+\.\d+\.\d+/);
        person.type('\x1dl');
        expect(await person.sees(/BOARD[\s\S]* kernel [^\n]*\n/)).toMatch(/ 2 +kernel +waiting/);
        expect(await person.leave()).toEqual({ status: 0, sameSettings: true });
      } finally {
        await next[Symbol.asyncDispose]();
      }
      const logs = await readdir(join(rig.folder, 'logs'));
      const log = logs.find((name) => name.includes('node3')) ?? '';
      const text = await readFile(join(rig.folder, 'logs', log), 'utf8');
      expect(text).toMatch(/unplugged ---\n[\s\S]*connected to/);
      expect(text).toMatch(/^\S+Z .*viscript \d+\.\d+\.\d+/m);
      expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    } finally {
      await first[Symbol.asyncDispose]();
    }
  },
  BOOTING_MS,
);
