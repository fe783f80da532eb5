import { expect, it } from 'vitest';
import { bootAll } from '../../../image/qemu/boot-all.ts';

const never = new AbortController().signal;

it('has no more boards boot at a time than it is told, and returns all in their order', async () => {
  let [booting, most] = [0, 0];
  const boot = async (name: string) => {
    booting += 1;
    most = Math.max(most, booting);
    await new Promise(setImmediate);
    booting -= 1;
    return name.toUpperCase();
  };
  expect(await bootAll(['a', 'b', 'c', 'd', 'e'], never, boot, 2)).toEqual(['A', 'B', 'C', 'D', 'E']);
  expect(most).toBe(2);
});

it('gives up the others when one fails, and waits for their end', async () => {
  const said: string[] = [];
  const boot = (name: string, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      said.push(`${name} begins`);
      if (name === 'bad') return reject(new Error('bad does not boot'));
      signal.addEventListener('abort', () => {
        said.push(`${name} is given up`);
        reject(signal.reason);
      });
      if (name === 'good') resolve(name);
    });
  await expect(bootAll(['slow', 'good', 'bad', 'last'], never, boot, 2)).rejects.toThrow('bad does not boot');
  expect(said).toEqual(['slow begins', 'good begins', 'bad begins', 'slow is given up', 'good is given up']);
});

it('begins no more when it is stopped', async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  const boot = async (number: number) => {
    begun.push(number);
    if (number === 2) stop.abort(new Error('stopped'));
    return number;
  };
  await expect(bootAll([1, 2, 3], stop.signal, boot, 1)).rejects.toThrow('stopped');
  expect(begun).toEqual([1, 2]);
});
