import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileMode } from '../files.ts';

const SSH = `# Buildroot's own is named sshd.service, and makes keys of three kinds.
[Unit]
Description=OpenSSH server
After=network.target

[Service]
ExecStart=/usr/sbin/sshd -D -e
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure

[Install]
WantedBy=multi-user.target
`;

/** Gives what Buildroot names otherwise than Debian the names that our units, scripts and accounts know. */
export async function nameAsDebianDoes(root: string): Promise<void> {
  const units = join(root, 'usr/lib/systemd/system');
  await rm(join(units, 'sshd.service'), { force: true });
  await writeFileMode(join(units, 'ssh.service'), SSH);
  // Its dbus runs as a user of this name, to which it gives no number.
  await writeFileMode(
    join(root, 'usr/lib/sysusers.d/00-buildroot.conf'),
    'u dbus 908 "System Message Bus"\n',
  );
  const netcat = join(root, 'usr/bin/nc.openbsd');
  await rm(netcat, { force: true });
  await symlink('nc', netcat);
}
