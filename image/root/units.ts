import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { link } from './etc.ts';

/**
 * Units of systemd's own that have no business on a board whose root is read-only and made elsewhere.
 * What is started is named by the presets in `image/rootfs-overlay/usr/lib/systemd/system-preset`.
 */
const MASKED_UNITS = [
  // Keep the system's files up to date: here they come with the image.
  'ldconfig.service',
  'systemd-firstboot.service',
  'systemd-hwdb-update.service',
  'systemd-journal-catalog-update.service',
  'systemd-machine-id-commit.service',
  'systemd-sysusers.service',
  'systemd-update-done.service',
  'dpkg-db-backup.timer',

  // File systems: the initramfs has mounted all there are.
  'systemd-remount-fs.service',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'proc-sys-fs-binfmt_misc.automount',

  // Hardware and ways to boot that no board has.
  'systemd-binfmt.service',
  'modprobe@drm.service',
  'systemd-bsod.service',
  'systemd-hibernate-clear.service',
  'systemd-pstore.service',
  'systemd-rfkill.service',
  'systemd-rfkill.socket',

  // A board comes up with no network.
  'systemd-networkd-wait-online.service',
  // What networkd would keep is on a root that forgets.
  'systemd-networkd-persistent-storage.service',

  // Configuration that comes by the kernel's command line or by credentials; here it comes with the image.
  'systemd-network-generator.service',
  'systemd-udev-load-credentials.service',

  // Consoles: viscript has the serial line, and nobody can log in with a password.
  'getty@tty1.service',
  'serial-getty@.service',

  // Host keys are kept on data by a unit of ours; nothing else listens for SSH.
  'sshd-keygen.service',
  'sshd-unix-local.socket',
  'sshd-vsock.socket',
];

/** Generators whose units would be of no use here; each costs time at every boot. */
const MASKED_GENERATORS = [
  'systemd-gpt-auto-generator',
  'systemd-hibernate-resume-generator',
  'systemd-rc-local-generator',
  'systemd-ssh-generator',
  'systemd-sysv-generator',
  'systemd-tpm2-generator',
];

/** Chooses what systemd brings up in a root, whose units are enabled by presets. */
export async function chooseUnits(root: string): Promise<void> {
  await link(root, 'etc/systemd/system/default.target', '/usr/lib/systemd/system/multi-user.target');
  for (const unit of MASKED_UNITS) await link(root, `etc/systemd/system/${unit}`, '/dev/null');
  await mkdir(join(root, 'etc/systemd/system-generators'), { recursive: true });
  for (const generator of MASKED_GENERATORS) {
    await link(root, `etc/systemd/system-generators/${generator}`, '/dev/null');
  }
}
