import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { unitName } from '../../../services/viscript/launcher/launch-files.ts';

const overlay = join(import.meta.dirname, '../../../image/rootfs-overlay');
const units = readdirSync(join(overlay, 'usr/lib/systemd/system'));
const templates = units.filter((name) => name.startsWith('viscript-app') && name.endsWith('@.service'));

type Rule = (
  action: { id: string; lookup(key: string): string | undefined },
  subject: { user: string },
) => string;

/** The rules file run as polkit runs it. */
function loadRule(): Rule {
  const rules: Rule[] = [];
  const Result = { YES: 'yes', NO: 'no', NOT_HANDLED: 'not handled' };
  const file = join(overlay, 'usr/share/polkit-1/rules.d/50-viscript.rules');
  runInNewContext(readFileSync(file, 'utf8'), {
    polkit: { Result, addRule: (rule: Rule) => rules.push(rule) },
  });
  const [rule] = rules;
  if (!rule || rules.length > 1) throw new Error(`${rules.length} rules`);
  return rule;
}

const rule = loadRule();
const manage = (unit: string, verb = 'start', user = 'viscript') =>
  rule(
    {
      id: 'org.freedesktop.systemd1.manage-units',
      lookup: (key) => ({ unit, verb })[key],
    },
    { user },
  );
const ask = (id: string, user = 'viscript') => rule({ id, lookup: () => undefined }, { user });

describe('the polkit rule', () => {
  it('lets viscript start, stop, kill, reset and limit instances of every app template on the image', () => {
    expect(templates).toContain('viscript-app@.service');
    for (const template of templates) {
      for (const verb of ['start', 'stop', 'kill', 'reset-failed', 'set-property']) {
        expect(manage(template.replace('@', '@apptracker_2'), verb)).toBe('yes');
      }
    }
  });

  it('allows no name whose template is not on the image, which a transient unit could take', () => {
    const words = ['mesh', 'net_admin', 'net_bind_service', 'net_raw', 'sys_admin', 'x', ''];
    const pairs = words.flatMap((a) => words.map((b) => [a, b]));
    const sets = pairs.flatMap((first) => pairs.map((second) => [...first, ...second]));
    for (const set of sets) {
      const template = `${['viscript-app', ...set.filter(Boolean)].join('-')}@.service`;
      const expected = templates.includes(template) ? 'yes' : 'no';
      expect(manage(template.replace('@', '@echo')), template).toBe(expected);
    }
  });

  it('matches whole names only', () => {
    for (const unit of [
      'viscript-app@.service',
      'xviscript-app@a.service',
      'viscript-app@a.service.d',
      'viscript-app@a.socket',
      'viscript-app@a.service\nssh.service',
      'viscript-app@a/b.service',
      'viscript-app@A.service',
      'viscript-app@a.b.service',
      `viscript-app@${'a'.repeat(28)}.service`,
      'apps.slice',
      'ssh.service',
      'viscript-console@ttyS0.service',
    ]) {
      expect(manage(unit), unit).toBe('no');
    }
  });

  it('lets viscript restart itself, restart the board and switch it off, and nothing more', () => {
    expect(manage('viscript.service', 'restart')).toBe('yes');
    for (const verb of ['start', 'stop', 'kill', 'set-property'])
      expect(manage('viscript.service', verb)).toBe('no');
    for (const action of ['reboot', 'reboot-multiple-sessions', 'power-off', 'power-off-multiple-sessions']) {
      expect(ask(`org.freedesktop.login1.${action}`)).toBe('yes');
    }
    for (const action of [
      'org.freedesktop.login1.reboot-ignore-inhibit',
      'org.freedesktop.login1.halt',
      'org.freedesktop.systemd1.manage-unit-files',
      'org.freedesktop.systemd1.reload-daemon',
      'org.freedesktop.hostname1.set-hostname',
      'de.pengutronix.rauc.install',
    ]) {
      expect(ask(action), action).toBe('no');
    }
  });

  it('says nothing about other users', () => {
    expect(manage('viscript-app@a.service', 'start', 'admin')).toBe('not handled');
    expect(ask('org.freedesktop.login1.reboot', 'admin')).toBe('not handled');
  });
});

describe('the templates', () => {
  it('have the name that the launcher makes of their rights, and a drop-in for each', () => {
    const folder = join(overlay, 'usr/lib/systemd/system');
    for (const template of templates.filter((name) => name !== 'viscript-app@.service')) {
      const files = readdirSync(join(folder, `${template}.d`)).sort();
      const granted = files.map((file) => {
        const text = readFileSync(join(folder, `${template}.d`, file), 'utf8');
        if (text.includes('\nSupplementaryGroups=mesh\n')) return 'mesh';
        const [, bounding = ''] = /^CapabilityBoundingSet=(CAP_\w+)$/m.exec(text) ?? [];
        expect(text).toContain(`AmbientCapabilities=${bounding}\n`);
        return bounding;
      });
      expect(unitName(granted, '')).toBe(template);
    }
  });
});
