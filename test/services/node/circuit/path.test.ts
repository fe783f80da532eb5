import { describe, expect, it } from 'vitest';
import { Path } from '../../../../services/node/circuit/path.ts';
import { PathSet } from '../../../../services/node/circuit/path-set.ts';
import { randomOf } from '../rig.ts';
import { endRule, SimulatedPaths } from './support.ts';

function pathWith(roundTrip: number): Path {
  return known(new Path(endRule(0, 1_000), true), roundTrip);
}

/** Has a path answer for a minute. */
function known(path: Path, roundTrip = 10): Path {
  for (let now = 0; now < 60_000; now += 1_000) path.echo(path.probe(now), now + roundTrip);
  return path;
}

describe('a path', () => {
  it('measures its round trip', () => {
    const path = pathWith(40);
    expect(path.roundTrip).toBeCloseTo(40);
    expect(path.timeout).toBe(200);
  });

  it('is late by its own measure, 200 ms at least', () => {
    const path = pathWith(500);
    path.probe(100_000);
    expect(path.late(100_500)).toBe(0);
    expect(path.late(100_000 + Math.ceil(path.timeout) + 1)).toBe(1);
  });

  it('is silent after three late probes, and up again once it answers', () => {
    const path = pathWith(10);
    const ids = [100_000, 101_000, 102_000].map((now) => path.probe(now));
    expect(path.isSilent(102_200)).toBe(false);
    expect(path.isSilent(102_201)).toBe(true);
    path.down();
    expect(path.echo(ids[2] ?? 0, 102_300)).toBe(false);
    expect(path.up).toBe(false);
    expect(path.echo(path.probe(103_000), 103_010)).toBe(true);
    expect(path.up).toBe(true);
  });

  it('is not silent while records show that it works', () => {
    const path = pathWith(10);
    for (const now of [100_000, 101_000, 102_000]) path.probe(now);
    path.showedLife(102_100);
    expect(path.isSilent(102_300)).toBe(false);
    expect(path.isSilent(102_301)).toBe(true);
  });

  it('is up again once it answers, however many probes it has swallowed', () => {
    const path = pathWith(10);
    path.down();
    for (let now = 100_000; now < 200_000; now += 1_000) path.probe(now);
    expect(path.waiting).toBeLessThanOrEqual(8);
    expect(path.echo(path.probe(200_000), 200_010)).toBe(true);
  });

  it('learns nothing of its round trip from probes that waited until it was up again', () => {
    const path = pathWith(10);
    path.down();
    const first = path.probe(100_000);
    const second = path.probe(101_000);
    expect(path.echo(first, 104_000)).toBe(true);
    expect(path.echo(second, 104_001)).toBe(false);
    expect(path.timeout).toBe(200);
    expect(path.echo(path.probe(104_100), 104_110)).toBe(true);
    expect(path.timeout).toBe(200);
  });

  it('takes an answer once, and none that it did not ask for', () => {
    const path = pathWith(10);
    const id = path.probe(100_000) as number;
    expect(path.echo(id + 1, 100_010)).toBe(false);
    expect(path.echo(id, 100_010)).toBe(true);
    expect(path.echo(id, 100_020)).toBe(false);
  });

  it('takes an answer for one to all probes before it', () => {
    const path = pathWith(10);
    path.probe(100_000);
    const second = path.probe(100_100) as number;
    path.echo(second, 100_110);
    expect(path.waiting).toBe(0);
  });
});

describe('the paths of a circuit', () => {
  it('takes the lightest into use that is up', () => {
    const paths = new PathSet(0);
    paths.add(endRule(0, 3_000), true);
    const light = paths.add(endRule(1, 1_000), false);
    paths.choose(1);
    expect(paths.inUse?.number).toBe(0);
    known(light);
    expect(paths.prefers(light)).toBe(true);
    expect(paths.warm).toBe(light);
  });

  it('stays where it is for a path that is only a little lighter', () => {
    const paths = new PathSet(0);
    paths.add(endRule(0, 1_000), true);
    paths.choose(1);
    expect(paths.prefers(known(paths.add(endRule(1, 800), true)))).toBe(false);
    expect(paths.prefers(known(paths.add(endRule(2, 799), true)))).toBe(true);
  });

  it('stays for a lighter one that is hardly known, unless the one in use is down', () => {
    const paths = new PathSet(0);
    const heavy = paths.add(endRule(0, 1_000), true);
    paths.choose(1);
    const light = paths.add(endRule(1, 100), true);
    for (let now = 0; now < 19_000; now += 1_000) light.echo(light.probe(now), now + 10);
    expect(paths.prefers(light)).toBe(false);
    light.echo(light.probe(20_000), 20_010);
    expect(paths.prefers(light)).toBe(true);
    const fresh = paths.add(endRule(2, 100), true);
    heavy.down();
    expect(paths.prefers(fresh)).toBe(true);
  });

  it('uses one that is down only when none is up', () => {
    const paths = new PathSet(0);
    const first = paths.add(endRule(0, 1_000), true);
    const second = paths.add(endRule(1, 2_000), true);
    paths.choose(1);
    first.down();
    expect(paths.choose(2)).toBe(true);
    expect(paths.inUse).toBe(second);
    second.down();
    expect(paths.choose(3)).toBe(false);
    expect(paths.inUse).toBe(second);
    expect(paths.downFor(103)).toBe(100);
    first.up = true;
    expect(paths.choose(200)).toBe(true);
    expect(paths.inUse).toBe(first);
    expect(paths.downFor(300)).toBe(0);
  });

  it('never uses one that was taken away or made anew', () => {
    const paths = new PathSet(0);
    paths.add(endRule(0, 1_000), true);
    paths.choose(1);
    const anew = paths.add(endRule(0, 1_000), true);
    paths.choose(2);
    expect(paths.inUse).toBe(anew);
    expect(paths.remove(0)).toBe(true);
    paths.choose(3);
    expect(paths.inUse).toBeUndefined();
    expect(paths.downFor(4)).toBe(1);
  });
});

describe('a path in use', () => {
  it.each([
    ['300 ms jitter', 20, 300],
    ['300 ms jitter on a long way', 250, 300],
    ['no jitter to speak of', 1, 1],
  ])('is not left within an hour of %s', (_, delay, jitter) => {
    const simulation = new SimulatedPaths(2, { delay, jitter });
    simulation.run(3_600_000);
    expect(simulation.switches).toEqual([]);
    expect(simulation.inUse).toBe(0);
    expect([...simulation.paths].every(({ up }) => up)).toBe(true);
  });

  it('is not left in its first seconds for 300 ms jitter, however alike the first answers are', () => {
    const random = randomOf(1);
    for (let run = 0; run < 1_000; run++) {
      const simulation = new SimulatedPaths(2, { delay: 1, jitter: 300 }, random() * 2 ** 32);
      simulation.run(10_000);
      expect(simulation.switches).toEqual([]);
    }
  });

  it('is left within two seconds when it swallows everything after its first second', () => {
    for (let start = 1_000; start < 4_000; start += 50) {
      const simulation = new SimulatedPaths(2, { delay: 10, jitter: 5 }, start);
      simulation.run(start);
      simulation.swallow(0, true);
      simulation.run(start + 2_000);
      expect(simulation.switches.map(({ to }) => to)).toEqual([1]);
    }
  });

  it('is not left while probes wait behind records that arrive', () => {
    const paths = new PathSet(0);
    const [inUse, other] = [paths.add(endRule(0, 1_000), true), paths.add(endRule(1, 1_000), true)];
    paths.choose(0);
    const check = (now: number) =>
      paths.check(now, true, (path) => {
        const id = path.probe(now);
        if (path === other || now < 5_000) path.echo(id, now + 1);
      });
    let now = 1_000;
    for (; now < 60_000; now += 25) {
      inUse.showedLife(now);
      expect(check(now)).toBe(false);
    }
    const end = now + 2_000;
    while (now < end && !check(now)) now += 25;
    expect(now).toBeLessThan(end);
  });

  it('is left within two seconds when it swallows everything, and is up again when it does not', () => {
    for (let start = 60_000; start < 62_000; start += 100) {
      const simulation = new SimulatedPaths(2, { delay: 10, jitter: 5 });
      simulation.run(start);
      simulation.swallow(0, true);
      simulation.run(start + 60_000);
      const [first, ...more] = simulation.switches;
      expect(more).toEqual([]);
      expect(first?.to).toBe(1);
      expect((first?.at ?? 0) - start).toBeLessThanOrEqual(2_000);
      expect(simulation.paths.get(0)?.up).toBe(false);
      simulation.swallow(0, false);
      simulation.run(start + 70_000);
      expect(simulation.paths.get(0)?.up).toBe(true);
    }
  });

  it('stays in use when all paths are silent', () => {
    const simulation = new SimulatedPaths(2, { delay: 10, jitter: 5 });
    simulation.run(60_000);
    simulation.swallow(0, true);
    simulation.swallow(1, true);
    simulation.run(120_000);
    expect(simulation.paths.downFor(120_000)).toBeGreaterThan(50_000);
    simulation.swallow(1, false);
    simulation.run(130_000);
    expect(simulation.inUse).toBe(1);
    expect(simulation.paths.downFor(130_000)).toBe(0);
  });
});
