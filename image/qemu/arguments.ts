/** What a board is made of, as QEMU's command line needs it; every file exists. */
export interface Machine {
  name: string;
  uBoot: string;
  /** A qcow2 file, or the Unix socket of an NBD server. */
  disk: { file: string } | { nbd: string } | undefined;
  /** Whether the disk refuses every write. */
  writeProtected: boolean;
  memoryMiB: number;
  cpus: number;
  network: 'user' | 'none';
  /** Ports of this machine's loopback that lead to ports of the board; with the network `user`. */
  forwards: readonly Forward[];
  /** Ports of this machine's loopback that the board reaches at {@link SERVICES}; with the network `user`. */
  services: readonly Forward[];
  hub: { path: string; mac: string } | undefined;
  /** Name of a systemd credential → file that holds its value. */
  credentials: ReadonlyMap<string, string>;
  /** Whether it has a random number source, and a seed from the firmware. */
  entropy: boolean;
  /** Time at which the board's clock starts, `YYYY-MM-DDTHH:MM:SS` in UTC; the host's otherwise. */
  clock: string | undefined;
  snapshot: string | undefined;
}

export interface Forward {
  /** Port of 127.0.0.1 here. */
  here: number;
  /** TCP port of the board, on all of its addresses; or the port that the board connects to. */
  board: number;
}

/** Where the board finds the ports of this machine that are opened for it. */
export const SERVICES = '10.0.2.100';

/** Names of parts by which the monitor addresses them. */
export const PART = { console: 'console', serial: 'serial', user: 'user0' } as const;

/**
 * QEMU's arguments for a board: the `virt` machine with U-Boot as its firmware, PL011 `ttyAMA0` and 16550A `ttyS0`
 * each on a pty, a virtio disk, a random number source, an i6300esb watchdog, and what network was asked for.
 * Without ACPI, which U-Boot does not use, the power button is a GPIO key in the device tree: Linux sees no other here.
 * It starts paused; QMP is on file descriptor 3. The order of devices is fixed, for snapshots depend on it.
 */
export function qemuArguments(machine: Machine): string[] {
  return [
    ...['-name', escaped(machine.name), '-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ...[
      '-M',
      `virt,acpi=off,dtb-randomness=${machine.entropy ? 'on' : 'off'}`,
      '-cpu',
      'cortex-a53',
      '-accel',
      'tcg,thread=multi',
    ],
    ...['-smp', String(machine.cpus), '-m', String(machine.memoryMiB)],
    ...['-bios', machine.uBoot],
    ...['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `pty,id=${PART.console}`, '-serial', `chardev:${PART.console}`],
    ...['-chardev', `pty,id=${PART.serial}`, '-device', `pci-serial,chardev=${PART.serial}`],
    ...(machine.entropy ? ['-device', 'virtio-rng-pci'] : []),
    ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
    ...(machine.clock === undefined ? [] : ['-rtc', `base=${machine.clock}`]),
    ...diskArguments(machine),
    ...networkArguments(machine),
    ...[...machine.credentials].flatMap(([name, file]) => [
      '-fw_cfg',
      `name=opt/io.systemd.credentials/${escaped(name)},file=${escaped(file)}`,
    ]),
    ...(machine.snapshot === undefined ? [] : ['-loadvm', machine.snapshot]),
  ];
}

function diskArguments({ disk, writeProtected }: Machine): string[] {
  if (disk === undefined) return [];
  const node = {
    'node-name': 'disk',
    discard: 'unmap',
    'read-only': writeProtected,
    ...('nbd' in disk
      ? { driver: 'nbd', server: { type: 'unix', path: disk.nbd } }
      : { driver: 'qcow2', file: { driver: 'file', filename: disk.file } }),
  };
  return ['-blockdev', JSON.stringify(node), '-device', 'virtio-blk-pci,drive=disk'];
}

/** The user network reaches nothing but this machine's loopback, and only by ports that are forwarded in. */
function networkArguments({ network, forwards, services, hub }: Machine): string[] {
  const user =
    network === 'user'
      ? [
          '-netdev',
          [
            `user,id=${PART.user},restrict=on`,
            ...forwards.map(forwardOption),
            ...services.map(serviceOption),
          ].join(','),
          '-device',
          `virtio-net-pci,netdev=${PART.user},romfile=`,
        ]
      : [];
  if (hub === undefined) return user;
  return [
    ...user,
    ...['-netdev', `stream,id=hub0,server=off,addr.type=unix,addr.path=${escaped(hub.path)}`],
    ...['-device', `virtio-net-pci,netdev=hub0,romfile=,mac=${hub.mac}`],
  ];
}

function forwardOption({ here, board }: Forward): string {
  return `hostfwd=tcp:127.0.0.1:${here}-:${board}`;
}

/** A command, for with an address QEMU makes one connection for all. */
function serviceOption({ here, board }: Forward): string {
  return `guestfwd=tcp:${SERVICES}:${board}-cmd:nc -N 127.0.0.1 ${here}`;
}

/** A comma ends a value in QEMU's option syntax unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
