import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrol } from '../../../image/rack/enrol.ts';
import { rackFiles } from '../../../image/rack/files.ts';
import { inspectRack } from '../../../image/rack/inspect.ts';
import { sshConfigText } from '../../../image/rack/ssh-files.ts';
import { lockOfRack, passphrase, RackShelf, rewrite } from './a-rack.ts';

let shelf: RackShelf;
let folder: string;
beforeAll(async () => {
  shelf = await RackShelf.make();
  folder = await shelf.create(2);
  await rewrite(folder, 'address: 192.168.0.3', 'address: dhcp');
  await enrol(folder, passphrase);
}, 120_000);
afterAll(() => shelf.remove());

/** What OpenSSH's client makes of its configuration for a destination. */
function configFor(destination: string): Map<string, string> {
  const out = execFileSync('ssh', ['-F', rackFiles(folder).sshConfig, '-G', destination], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Map(
    out.split('\n').map((line) => {
      const at = line.indexOf(' ');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

describe('ssh_config', () => {
  it("leads OpenSSH's client to a board's command line, and to its shell", () => {
    const node1 = configFor('node1');
    expect(Object.fromEntries(node1)).toMatchObject({
      ...{ hostname: '192.168.0.2', user: 'viscript', hostkeyalias: 'node1' },
      ...{ stricthostkeychecking: 'true', updatehostkeys: 'false', globalknownhostsfile: '/dev/null' },
    });
    expect(configFor('admin@node1').get('user')).toBe('admin');
  });

  it("names the rack's own known_hosts, whatever characters its path has", () => {
    expect(configFor('node1').get('userknownhostsfile')).toBe(rackFiles(folder).knownHosts);
  });

  it('leaves it to the person where a board by DHCP is', () => {
    expect(configFor('node2').get('hostname')).toBe('node2');
    expect(configFor('node2').get('hostkeyalias')).toBe('node2');
  });

  it('says nothing of other hosts', () => {
    expect(configFor('elsewhere').get('user')).not.toBe('viscript');
    expect(configFor('elsewhere').get('stricthostkeychecking')).not.toBe('true');
  });

  it('is not written for a folder whose name would be read as something else', async () => {
    const lock = await lockOfRack(folder);
    for (const name of ['a\nProxyCommand x', 'a"b', `a$${'{HOME}'}b`, 'a\\b'])
      expect(() => sshConfigText(lock, rackFiles(join('/', name)))).toThrow('cannot be named in ssh_config');
  });
});

describe('known_hosts', () => {
  it('has the keys of all boards by name, and by address where it is fixed', async () => {
    const { boards } = await lockOfRack(folder);
    const found = (name: string) => {
      const options = ['-F', name, '-f', rackFiles(folder).knownHosts];
      return execFileSync('ssh-keygen', options, { encoding: 'utf8' }).trimEnd().split('\n').at(-1);
    };
    expect(found('node1')).toBe(`node1,192.168.0.2 ${boards.node1.ssh_host_key}`);
    expect(found('192.168.0.2')).toBe(`node1,192.168.0.2 ${boards.node1.ssh_host_key}`);
    expect(found('node2')).toBe(`node2 ${boards.node2.ssh_host_key}`);
    expect(() => execFileSync('ssh-keygen', ['-F', 'node3', '-f', rackFiles(folder).knownHosts])).toThrow();
  });

  it('is told of by check when it is not what it should be', async () => {
    const copy = await shelf.copy(folder);
    await enrol(copy, passphrase);
    await writeFile(rackFiles(copy).knownHosts, '');
    await rm(rackFiles(copy).sshConfig);
    const { notes } = await inspectRack(copy);
    expect(notes).toContain(
      `not up to date, 'skyminer rack sign' writes them: ${rackFiles(copy).knownHosts}, ${rackFiles(copy).sshConfig}`,
    );
  });
});
