import type { Hello } from './protocol.ts';

/** What a person reads on arriving at the terminal: where they are, and three things to try. */
export function greeting(hello: Hello): string {
  const slot = hello.slot === undefined ? '' : `  slot ${hello.slot}`;
  const lines = [
    `Skyminer ${hello.version} · ${hello.host}${slot}  up ${formatUptime(hello.uptime)}  ${countApps(hello.apps)}`,
  ];
  if (hello.slotReason !== undefined)
    lines.push(`Started from slot ${hello.slot ?? '?'} because: ${hello.slotReason}`);
  lines.push(...hello.troubles.map((trouble) => `Trouble: ${trouble}`));
  lines.push(...hello.place);
  lines.push('Try:  apps  (what can be started)   la  (what is running)   help  (every command)');
  return `${lines.join('\n')}\n`;
}

/** Seconds as `3d 4h 5m`, `4h 5m`, `5m 6s` or `6s`. */
export function formatUptime(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  const shown = parts.slice(first, first === 0 ? 3 : first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}

function countApps(apps: number): string {
  return apps === 1 ? '1 app running' : `${apps} apps running`;
}
