import type { RootShell } from './root-shell.ts';

/** Units that failed, each with the last lines of its log; empty when none has. */
export function failedUnits(root: RootShell): Promise<string> {
  return root.text(
    'systemctl --failed --no-legend --plain | while read -r unit rest; do echo "$unit $rest"; journalctl --no-pager --lines 10 --unit "$unit"; done',
  );
}
