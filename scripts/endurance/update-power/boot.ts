import type { Slot } from '../../../image/disk/state.ts';
import { whatItSays } from '../power/boot.ts';
import { Lost } from '../power/writer.ts';

/** Tells on the kernel's console, when the board has booted, whether all is well, and from which slot it runs. */
const credentials = {
  'systemd.extra-unit.a.service': `
[Unit]
Description=Tells what a power cut has left
After=systemd-user-sessions.service dbus.service
[Service]
Environment=PATH=/usr/sbin:/usr/bin
ExecStart=/bin/bash -c 'echo "after-cut $$(systemctl is-system-running --wait) $$(grep -o "skyminer.slot=." /proc/cmdline)."'
StandardOutput=tty
TTYPath=/dev/ttyAMA0
`,
  'systemd.unit-dropin.-.slice': '[Unit]\nWants=a.service\n',
};

/**
 * Boots a board with a disk that a power cut has left.
 *
 * @throws {Lost} something does not work on it, or it runs from another slot
 * @throws {ConsoleError} it does not boot
 */
export async function bootFrom(disk: string, slot: Slot, uBoot: string): Promise<void> {
  const said = await whatItSays({ image: disk, uBoot, credentials }, /after-cut \S+ skyminer\.slot=[AB]\./);
  const [, state, from] = /after-cut (\S+) skyminer\.slot=([AB])\./.exec(said) ?? [];
  if (state !== 'running' || from !== slot)
    throw new Lost(`a board is ${state} in slot ${from} after a power cut, and not running in slot ${slot}`);
}
