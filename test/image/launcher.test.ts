import { describe, expect, it } from 'vitest';
import { bootedGuest } from './fixture.ts';
import { bundled } from './on-board.ts';

/** Dozens of sandboxes on an emulated board that shares its machine. */
const suiteMs = 600_000;

describe('the launcher of a board', () => {
  it(
    'keeps every promise of the compliance suite, and those of isolation and of privileges',
    async () => {
      await using guest = await bootedGuest();
      const ssh = await guest.ssh();
      const suite = await bundled('test/services/viscript/launcher/on-board.ts');
      const { status, stderr } = await ssh.run('admin', ['cat > suite.mjs'], { input: suite });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      await guest.root.text(
        'install -m 644 /data/home/admin/suite.mjs /run/suite.mjs; systemctl stop viscript',
      );
      const asViscript = 'setpriv --reuid 950 --regid 950 --init-groups node /run/suite.mjs 2>/run/suite.log';
      const { output } = await guest.root.run(`cd /; ${asViscript}`, suiteMs);
      const lines = output.trim().split('\n');
      // The kernel may write in between, for instance that a memory limit was reached.
      expect(lines.filter((line) => /^(not ok|end) /.test(line))).toEqual(['end 0']);
      expect(lines.filter((line) => line.startsWith('ok ')).length).toBeGreaterThan(20);
      expect(await guest.root.text('systemctl is-system-running')).toBe('running');
    },
    suiteMs + 180_000,
  );
});
