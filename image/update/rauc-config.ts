/** RAUC's configuration on a board: see the chapter "System Configuration File" of its manual. */
export function raucConfig(board: string): string {
  return [
    '[system]',
    `compatible=skyminer-${board}`,
    'bootloader=custom',
    'bundle-formats=verity',
    'data-directory=/data/rauc',
    '',
    '[handlers]',
    'bootloader-custom-backend=/usr/lib/viscript/rauc-backend',
    '',
    // A certificate is judged by the moment at which the bundle was signed: a board's clock may be anywhere.
    '[keyring]',
    'path=/etc/rauc/keyring.pem',
    'check-purpose=codesign',
    'use-bundle-signing-time=true',
    '',
    ...(['A', 'B'] as const).flatMap((slot, index) => [
      `[slot.rootfs.${index}]`,
      `device=/dev/disk/by-partlabel/root${slot}`,
      'type=raw',
      `bootname=${slot}`,
      '',
      `[slot.boot.${index}]`,
      `device=/dev/disk/by-partlabel/boot${slot}`,
      'type=raw',
      `parent=rootfs.${index}`,
      '',
    ]),
  ].join('\n');
}
