import { describe, expect, it } from 'vitest';
import { compliance } from '../services/viscript/launcher/compliance.ts';
import { isolation } from '../services/viscript/launcher/isolation.ts';
import { privileges } from '../services/viscript/launcher/privileges.ts';
import { bootedGuest } from './fixture.ts';
import { isLong } from './long.ts';
import { bundled } from './on-board.ts';

/** Dozens of sandboxes on an emulated board that shares its machine. */
const suiteMs = 600_000;
/** Of the suite, which a laptop's launcher keeps in the unit tests, what is most systemd's own. */
const most = [
  'hands every argument',
  'has delivered all output',
  'tells the exit code',
  'kills descendants',
  'keeps launches at the same time',
];

describe('the launcher of a board', () => {
  it(
    'keeps the promises of isolation and of privileges, and the compliance suite (all of it with SKYMINER_LONG)',
    async () => {
      await using guest = await bootedGuest();
      const ssh = await guest.ssh();
      const suite = await bundled('test/services/viscript/launcher/on-board.ts');
      const { status, stderr } = await ssh.run('admin', ['cat > suite.mjs'], { input: suite });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      await guest.root.text(
        'install -m 644 /data/home/admin/suite.mjs /run/suite.mjs; systemctl stop viscript',
      );
      const chosen = isLong ? '' : most.map((part) => `'${part}'`).join(' ');
      const asViscript = `setpriv --reuid 950 --regid 950 --init-groups node /run/suite.mjs ${chosen}`;
      const { output } = await guest.root.run(`cd /; ${asViscript} 2>/run/suite.log`, suiteMs);
      const lines = output.trim().split('\n');
      // The kernel may write in between, for instance that a memory limit was reached.
      expect(lines.filter((line) => /^(not ok|end) /.test(line))).toEqual(['end 0']);
      const kept = lines.filter((line) => line.startsWith('ok '));
      const ofSuite = isLong ? compliance.length : most.length;
      expect(kept).toHaveLength(ofSuite + isolation.length + privileges.length);
      expect(await guest.root.text('systemctl is-system-running')).toBe('running');
    },
    suiteMs + 180_000,
  );
});
