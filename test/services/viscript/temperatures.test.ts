import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTemperatures, temperaturesText } from '../../../services/viscript/temperatures.ts';
import { temporaryFolder } from './support.ts';

describe('the temperatures of a machine', () => {
  it('are read from the kernel’s zones, and a sensor that does not answer is left out', async () => {
    await using folder = await temporaryFolder();
    const zones = { thermal_zone1: ['gpu-thermal', '-1500'], thermal_zone0: ['cpu-thermal', '48321'] };
    for (const [name, [type, temp]] of Object.entries(zones)) {
      await mkdir(join(folder.path, name));
      await writeFile(join(folder.path, name, 'type'), `${type}\n`);
      await writeFile(join(folder.path, name, 'temp'), `${temp}\n`);
    }
    await mkdir(join(folder.path, 'thermal_zone2'));
    await writeFile(join(folder.path, 'thermal_zone2/type'), 'asleep\n');
    await mkdir(join(folder.path, 'cooling_device0'));
    const found = await readTemperatures(folder.path);
    expect(found).toEqual([
      { zone: 'cpu-thermal', celsius: 48.321 },
      { zone: 'gpu-thermal', celsius: -1.5 },
    ]);
    expect(temperaturesText(found)).toBe('cpu-thermal 48.3 °C  gpu-thermal -1.5 °C');
  });

  it('are none where the kernel has no zones', async () => {
    await using folder = await temporaryFolder();
    expect(await readTemperatures(join(folder.path, 'thermal'))).toEqual([]);
    expect(temperaturesText([])).toBe('');
  });

  it('are none where the zones cannot be read', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'thermal'), '');
    expect(await readTemperatures(join(folder.path, 'thermal'))).toEqual([]);
  });
});
