import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Lab } from '../../../../scripts/lib/lab.ts';
import { startProgram, stopProgram } from '../../../../scripts/measure/proxies/proxy.ts';

const program = join(import.meta.dirname, '../../../../scripts/measure/vpn/long-cable.ts');

it('joins two hosts, and every packet takes its time', async (context) => {
  context.skip(process.getuid?.() !== 0, 'network namespaces need root');
  context.skip(!existsSync('/dev/net/tun'), 'no /dev/net/tun here');
  const lab = new Lab();
  onTestFinished(() => lab[Symbol.asyncDispose]());
  const ends = [`t${process.pid.toString(36)}a`, `t${process.pid.toString(36)}b`] as const;
  const cable = startProgram(process.execPath, [program, ...ends, '20', '0']);
  onTestFinished(() => stopProgram(cable));
  await once(cable.stdout ?? cable, 'data');
  const [near, far] = [await lab.host('near'), await lab.host('far')];
  await lab.plug('near', 'far', ends);
  const said = await near.run('ping', '-c', '3', '-i', '0.1', far.addresses.get('near') ?? '');
  expect(said).toContain('3 received');
  const [, least] = /= ([\d.]+)\//.exec(said) ?? [];
  // How long it is late nobody can promise; early it never is.
  expect(Number(least)).toBeGreaterThanOrEqual(40);
});
