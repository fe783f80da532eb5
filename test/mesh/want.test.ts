import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../image/run.ts';
import { MANAGER, Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../scripts/lib/lab-mesh/plans.ts';
import type { Program } from '../../scripts/lib/lab-mesh/program.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { expectWhole, sharedMesh } from './testing.ts';

const SOON = { timeout: 60_000 };
const nodes = ['a', 'b'];

describe('a manager and nodes in want', () => {
  const meshOf = sharedMesh(() => Mesh.start(line(2)));

  it.for([
    ['have a full disk', 'size=16k', fill, empty, /ENOSPC/],
    ['can only read their disk', 'size=64k,ro', async () => undefined, allowWriting, /EROFS/],
  ] as const)(
    'who %s go on with what they know, say so once, and write it down as soon as they can',
    async ([, disk, spoil, relieve, reason], context) => {
      const mesh = meshOf(context);
      const transfer = await Transfer.start(mesh, { from: 'a', to: 'b' });
      const poor = [MANAGER, ...nodes].map((name) => new Poor(mesh, name));
      for (const each of poor) {
        await each.giveDisk(disk);
        await spoil(each);
      }

      const newcomer = await admitNewcomer(mesh);
      for (const { program, before } of poor)
        expect(String(await program.line(/^cannot keep the list in .* for now: .*/, before))).toMatch(reason);
      await mesh.startNode(newcomer);
      await mesh.rack.publish();
      for (const name of nodes) {
        const { program, before } = poor.find((each) => each.name === name) as Poor;
        await program.line(/^cannot keep the counts in .* for now:/, before);
        await program.line(new RegExp(`^list of members ${numberOf(mesh.rack.newest)}$`), before);
      }
      await transfer.advances();
      for (const each of poor) expect(each.complaints).toHaveLength(1);

      for (const each of poor) await relieve(each);
      for (const each of poor) {
        await each.program.line(/^can keep the list again$/, each.before);
        if (each.name !== MANAGER) await each.program.line(/^can keep the counts again$/, each.before);
        await expect.poll(() => each.keptList(), SOON).toBe(mesh.rack.newest);
      }
      for (const each of poor) await each.takeDisk();
      await expectWhole(transfer);
      await mesh.whole();
    },
  );

  it('who can open no more files and connections go on, and catch up when they can', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from: 'a', to: 'b' });
    const poor = [MANAGER, ...nodes].map((name) => new Poor(mesh, name));
    for (const each of poor) await each.leaveNoDescriptors();

    const newcomer = await admitNewcomer(mesh);
    const joining = mesh.startNode(newcomer);
    const [manager, a, b] = poor as [Poor, Poor, Poor];
    await manager.program.line(/^the list of members stays: EMFILE/, manager.before);
    for (const { program, before } of [a, b])
      await program.line(/^cannot keep the counts in .* for now: EMFILE/, before);
    await transfer.advances();

    for (const each of poor) await each.giveDescriptors();
    await joining;
    for (const { program, before } of poor)
      await program.line(
        new RegExp(`(members: list|list of members) ${numberOf(mesh.rack.newest)}$`),
        before,
      );
    for (const { program, before } of [a, b]) await program.line(/^can keep the counts again$/, before);
    for (const each of poor) await expect.poll(() => each.keptList(), SOON).toBe(mesh.rack.newest);
    await transfer.advances();
    await expectWhole(transfer);
    await mesh.whole();
  });
});

/** Numbers the boards that come later. */
let newcomers = 0;

/** Puts a board on the list of members that has no place in the plan. */
async function admitNewcomer(mesh: Mesh): Promise<string> {
  const name = `newcomer${++newcomers}`;
  await mesh.addHost(name, MANAGER);
  await mesh.rack.add(name);
  await mesh.rack.publish();
  return name;
}

function numberOf(list: string): number {
  return Number(/^number (\d+)$/m.exec(list)?.[1]);
}

/** A program of a mesh, of which something is taken away. */
class Poor {
  readonly name: string;
  readonly program: Program;
  /** Lines that it had printed by then. */
  readonly before: number;
  /** Characters of its log by then. */
  readonly #logged: number;
  readonly #state: string;

  constructor(mesh: Mesh, name: string) {
    this.name = name;
    this.program = mesh.program(name);
    this.before = this.program.printed;
    this.#logged = this.program.log.length;
    this.#state = join(mesh.folder, `${name}.state`);
  }

  /** Its folder of what lasts, as it sees it in its mount namespace. */
  get disk(): string {
    return join('/proc', String(this.program.pid), 'root', this.#state);
  }

  /** What it has said about the list that it could not keep, since then. */
  get complaints(): string[] {
    const said = this.program.log.slice(this.#logged).split('\n');
    return said.filter((each) => each.includes('cannot keep the list'));
  }

  async mount(...args: string[]): Promise<void> {
    await run('nsenter', ['--target', String(this.program.pid), '--mount', ...args]);
  }

  async giveDisk(options: string): Promise<void> {
    await this.mount('mount', '-t', 'tmpfs', '-o', options, 'small', this.#state);
  }

  async allowWriting(): Promise<void> {
    await this.mount('mount', '-o', 'remount,rw', this.#state);
  }

  async takeDisk(): Promise<void> {
    await this.mount('umount', this.#state);
  }

  async keptList(): Promise<string> {
    const [name = ''] = (await readdir(this.disk)).filter((each) => /^members(-[0-9a-f]+)?$/.test(each));
    return readFile(join(this.disk, name), 'utf8');
  }

  /** From now on the next descriptor is one too many. */
  async leaveNoDescriptors(): Promise<void> {
    const open = new Set(await readdir(`/proc/${this.program.pid}/fd`));
    let free = 0;
    while (open.has(String(free))) free++;
    await this.#limit(`${free}:`);
  }

  async giveDescriptors(): Promise<void> {
    await this.#limit('1024:');
  }

  async #limit(limit: string): Promise<void> {
    await run('prlimit', ['--pid', String(this.program.pid), `--nofile=${limit}`]);
  }
}

async function fill(poor: Poor): Promise<void> {
  const filling = (async () => {
    for (;;) await appendFile(join(poor.disk, 'filler'), Buffer.alloc(4096));
  })();
  await expect(filling).rejects.toThrow('ENOSPC');
}

async function empty(poor: Poor): Promise<void> {
  await rm(join(poor.disk, 'filler'));
}

async function allowWriting(poor: Poor): Promise<void> {
  await poor.allowWriting();
}
