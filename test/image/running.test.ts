import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBoard } from '../../image/board-file.ts';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';

let guest: Guest;

beforeAll(async () => {
  guest = await bootedGuest();
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

describe('a board in service', () => {
  it('has no failed unit', async () => {
    expect(await failedUnits(guest.root)).toBe('');
    expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');
  });

  it('tells its kernel what its board’s file says, before what a person adds', async () => {
    const { kernelArguments } = await loadBoard('qemu-aarch64');
    expect(kernelArguments).toContain('kpti=off');
    const line = await guest.root.text('cat /proc/cmdline');
    expect(line).toContain(` ${kernelArguments.join(' ')} skyminer.slot=`);
    expect(await guest.root.text('dmesg | grep "page table isolation"')).toMatch(/forced OFF by/);
  });

  it('waits for a partition that is slow to come longer than systemd would', async () => {
    const device = String.raw`dev-disk-by\x2dpartlabel-state.device`;
    expect(await guest.root.text(`systemctl show '${device}' --property JobRunningTimeoutUSec --value`)).toBe(
      '5min',
    );
  });

  it('has no ordering cycle among its units', async () => {
    const cycles = await guest.root.text('journalctl -b -o cat | grep -i "ordering cycle" || true');
    expect(cycles).toBe('');
  });

  it('has no line in a unit of ours that systemd does not understand', async () => {
    const ours = '{viscript,slot,board,data,ssh-hostkey,rescue}*.{service,socket,timer}';
    const instances = 'viscript-app@meshnet-nm.service viscript-app-mesh@meshnet-node.service';
    const verify = `cd /usr/lib/systemd/system && systemd-analyze verify --man=no ${ours} ${instances}`;
    const { output } = await guest.root.run(verify);
    expect(output.split('\n').filter((line) => /ignoring|Unknown/.test(line))).toEqual([]);
  });

  it('has a root that is read-only, and changes to it in memory alone', async () => {
    const mounts = (await guest.root.text('cat /proc/mounts')).split('\n').map((line) => line.split(' '));
    const [, , type, options] = mounts.find(([, place]) => place === '/') ?? [];
    expect(type).toBe('overlay');
    expect(options).toMatch(/lowerdir=\/run\/root,upperdir=\/run\/changes/);
    // The lower layer is a squashfs, which Linux cannot write to.
    expect(await guest.root.text('stat --file-system --format %T / && ls /sys/module/squashfs')).toMatch(
      /overlay/,
    );
    const disks = mounts.filter(([device]) => device?.startsWith('/dev/vd'));
    expect(new Set(disks.map(([device]) => device)).size).toBe(1);
    const onData = new Set(['/data', '/var/lib/systemd', '/var/lib/private/apps']);
    expect(disks.map(([, place = '']) => place).filter((place) => !onData.has(place))).toEqual([]);
  });

  it('runs viscript as a user of its own, in a unit that exposes little', async () => {
    expect(await guest.root.text('systemctl show viscript --property User --value')).toBe('viscript');
    const verdict = await guest.root.run(
      'systemd-analyze security --offline=true --threshold=30 viscript.service | tail -n 1',
    );
    const exposure = /exposure level for viscript\.service: ([\d.]+)/.exec(verdict.output)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(3.0);
  });

  it('lets systemd watch over viscript, and believes only viscript itself', async () => {
    const shown = await guest.root.text(
      'systemctl show viscript --property Type --property NotifyAccess --property WatchdogUSec --property StatusText',
    );
    expect(shown).toMatch(/^Type=notify$/m);
    expect(shown).toMatch(/^NotifyAccess=main$/m);
    expect(shown).toMatch(/^WatchdogUSec=30s$/m);
    expect(shown).toMatch(/^StatusText=.+$/m);
  });

  it('knows no password', async () => {
    const open = await guest.root.text(`awk -F: '$2 !~ /^[*!]/ { print $1 }' /etc/shadow`);
    expect(open).toBe('');
  });

  it('listens on no address but loopback, save for SSH', async () => {
    const sockets = (await guest.root.text('ss -Htuln')).split('\n').map((line) => line.trim().split(/\s+/));
    const local = sockets.map((fields) => `${fields[0]} ${fields[4]}`);
    const outside = local.filter((socket) => !/ (127\.|\[::1\])/.test(socket) && !/^udp .*:68$/.test(socket));
    expect(outside.map((socket) => socket.replace(/^(\w+) .*:/, '$1 '))).toEqual(outside.map(() => 'tcp 22'));
    expect(outside.length).toBeGreaterThan(0);
  });

  it('keeps its identity on data', async () => {
    expect(await guest.root.text('cat /etc/machine-id')).toBe(await guest.root.text('cat /data/machine-id'));
    expect(await guest.root.text('stat -c "%a %U" /data/ssh/host/ssh_host_ed25519_key')).toBe('600 root');
    expect(await guest.root.text('find /etc/ssh -name "ssh_host_*"')).toBe('');
  });

  it('has a name of its own and belongs to no rack while its board file is comments, and loses no time by that', async () => {
    const name = await guest.root.text('hostname');
    expect(name).toBe(`skyminer-${(await guest.root.text('cat /data/machine-id')).slice(0, 4)}`);
    expect(await guest.root.text('grep " $(hostname)$" /etc/hosts')).toContain('127.0.1.1');
    expect(await guest.root.text('systemctl show board-setup data-format -P ConditionResult')).toMatch(
      /^no\s+no$/,
    );
    expect(await guest.root.text('ls /run/skyminer /data/system/board')).not.toMatch(
      /^(board|no-board-file|made)$/m,
    );
    expect(await guest.root.text('cat /data/system/format')).toBe('1');
  });
});
