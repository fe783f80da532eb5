import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeIdentity } from '../../../../services/net/key-file.ts';
import { Identity } from '../../../../services/net/keys.ts';
import { signMembership } from '../../../../services/net/membership.ts';
import { runCommand } from '../../../../services/viscript/commands/table.ts';
import { InputQueue } from '../../../../services/viscript/control/input-queue.ts';
import { until } from '../../manager/support.ts';
import { launch } from '../../mesh/program.ts';
import { scratchFolder } from '../../signal/support.ts';
import { startSupervisor } from '../support.ts';

const rack = Identity.generate();
const [here, other] = [Identity.generate(), Identity.generate()];
const one = { board: 'node1', key: here.publicKey, roles: ['node', 'manager'] } as const;
const two = { board: 'node2', key: other.publicKey, roles: ['node'] } as const;
const list = signMembership(rack, 3, [one]);
const newer = signMembership(rack, 4, [one, two]);

/** A node of a rack, without a manager. @returns its socket */
async function startNode(members: string | undefined = list): Promise<string> {
  const folder = await scratchFolder();
  const [key, file, socket] = ['identity.key', 'members', 'node.sock'].map((name) => join(folder, name));
  if (key === undefined || file === undefined || socket === undefined) throw new Error('no paths');
  await writeIdentity(key, here);
  await writeFile(file, members);
  const manager = `${here.publicKey}@127.0.0.1:1`;
  const arguments_ = ['-', manager, 'false', socket, 'node1', '--key', key, '--rack', rack.publicKey];
  const node = launch('services/node/main.ts', [...arguments_, '--members', file], {
    STATE_DIRECTORY: join(folder, 'state'),
  });
  // That there is no manager may be told before.
  while (!(await node.line()).startsWith('node '));
  return socket;
}

interface Run {
  /** What comes as input, piece by piece; it ends after them unless `open`. */
  input?: readonly string[];
  open?: boolean;
  json?: boolean;
  abort?: AbortController;
}

async function mesh(node: string, words: readonly string[], { input = [], open, json, abort }: Run = {}) {
  const started = await startSupervisor('apps: {}\n');
  onTestFinished(() => started[Symbol.asyncDispose]());
  const output = { stdout: '', stderr: '' };
  const typed = new InputQueue(() => abort?.abort());
  for (const piece of input) typed.push(piece);
  if (!open) typed.end();
  const machine = {
    ...{ version: '0', host: 'here', slot: undefined, slotReason: undefined, lastEnd: undefined },
    ...{
      uptime: () => 0,
      troubles: async () => [],
      temperatures: async () => [],
      slots: async () => undefined,
    },
  };
  const status = await runCommand(['mesh', ...words, '--node', node], {
    ...{
      supervisor: started.supervisor,
      machine,
      json: json ?? false,
      color: false,
      columns: 0,
      input: typed,
    },
    signal: (abort ?? new AbortController()).signal,
    bytes: () => undefined,
    drained: async () => undefined,
    quit: () => undefined,
    write(stream, written) {
      output[stream] += written;
    },
  });
  return { status, ...output };
}

describe('mesh members', () => {
  it('shows the list in force: its number, the boards with their roles, and which of them this is', async () => {
    const node = await startNode();
    const { stdout } = await mesh(node, ['members']);
    expect(stdout.split('\n')).toEqual([
      `list 3 of the rack ${rack.publicKey}, 1 board`,
      expect.stringMatching(/^BOARD +ROLES +KEY$/),
      expect.stringMatching(new RegExp(`^node1 +node,manager +this one +${here.publicKey}$`)),
      '',
    ]);
    const json = JSON.parse((await mesh(node, ['members'], { json: true })).stdout);
    expect(json).toEqual({
      ...{ rack: rack.publicKey, number: 3, members: [one], key: here.publicKey, board: 'node1' },
    });
  });

  it('takes a newer list that comes in pieces, and no older one after it', async () => {
    const node = await startNode();
    const pieces = [newer.slice(0, 30), newer.slice(30, 31), newer.slice(31)];
    expect(await mesh(node, ['members', 'take'], { input: pieces })).toEqual({
      ...{ status: 0, stdout: 'list 4 is in force\n', stderr: '' },
    });
    expect((await mesh(node, ['members'])).stdout).toMatch(/^list 4 .*2 boards\n(.*\n)*node2 /);
    const again = await mesh(node, ['members', 'take'], { input: [newer], json: true });
    expect(JSON.parse(again.stdout)).toEqual({ taken: false, number: 4 });
    expect(await mesh(node, ['members', 'take'], { input: [list] })).toMatchObject({
      status: 1,
      stderr: 'list 3 is not taken: list 4 is in force, and lists never go back\n',
    });
  });

  it('needs no end of the input after the last line, and takes what a terminal pastes', async () => {
    const node = await startNode();
    const pasted = newer.split('\n').map((line) => `${line}\r\n`);
    const { stdout } = await mesh(node, ['members', 'take'], { input: pasted.slice(0, -1), open: true });
    expect(stdout).toBe('list 4 is in force\n');
  });

  it.each([
    ['nothing', '', /^no list came/],
    ['a list of another rack', signMembership(Identity.generate(), 9, [one]), /of another rack/],
    ['a list that was changed', newer.replace('number 4', 'number 5'), /signature is not that of the rack/],
    ['something else', 'reboot\n', /line 1: does not begin with skyminer/],
  ])('refuses %s, and says so', async (_, text, why) => {
    const node = await startNode();
    const { status, stdout, stderr } = await mesh(node, ['members', 'take'], { input: [text] });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(why);
    expect((await mesh(node, ['members'])).stdout).toMatch(/^list 3 /);
  });

  it('stops reading when the person has enough', async () => {
    const node = await startNode();
    const abort = new AbortController();
    const stopped = await mesh(node, ['members', 'take'], { input: ['skyminer'], open: true, abort });
    expect(stopped.stdout).toBe('');
    await until(async () => expect((await mesh(node, ['members'])).stdout).toMatch(/^list 3 /));
  });

  it('has no other action', async () => {
    expect(await mesh('none', ['members', 'give'])).toMatchObject({ status: 2 });
    expect(await mesh('none', ['nodes', 'take'])).toMatchObject({ status: 2 });
  });
});
