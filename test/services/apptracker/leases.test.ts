import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leases } from '../../../services/apptracker/leases.ts';
import { limits, trackerError } from '../../../services/names/messages.ts';

const app = (name: string, secret = 'owner', extra: object = {}) => ({
  name,
  type: 'socks',
  node: 'ab'.repeat(32),
  address: 'app:1',
  secret,
  lease: 10_000,
  ...extra,
});

describe('a lease', () => {
  it('is found by name and by type until it expires', () => {
    const leases = new Leases(10);
    leases.register(app('one'), 0);
    leases.register(app('two', 'other', { type: 'vpn' }), 0);
    expect(leases.find({ name: 'one' }, 5_000).apps).toEqual([
      { name: 'one', type: 'socks', node: 'ab'.repeat(32), address: 'app:1', expiresIn: 5_000 },
    ]);
    expect(leases.find({ type: 'vpn' }, 0).apps.map(({ name }) => name)).toEqual(['two']);
    expect(leases.find({ name: 'one', type: 'vpn' }, 0).apps).toEqual([]);
    expect(leases.find({}, 0).apps).toHaveLength(2);
    expect(leases.find({}, 10_000).apps).toEqual([]);
  });

  it('lasts anew after each renewal', () => {
    const leases = new Leases(10);
    leases.register(app('one'), 0);
    expect(leases.renew('one', 'owner', 9_999)).toBe(10_000);
    expect(leases.expire(19_998)).toEqual([]);
    expect(leases.expire(19_999)).toEqual(['one']);
    expect(() => leases.renew('one', 'owner', 19_999)).toThrow('no app one is registered');
  });

  it('belongs to its owner: nobody else takes, renews or releases it', () => {
    const leases = new Leases(10);
    leases.register(app('one'), 0);
    const refused = expect.objectContaining({ code: trackerError.nameTaken });
    expect(() => leases.register(app('one', 'thief'), 1)).toThrow(refused);
    expect(() => leases.renew('one', 'thief', 1)).toThrow(refused);
    expect(() => leases.release('one', 'thief', 1)).toThrow(refused);
    expect(leases.find({ name: 'one' }, 1).apps).toHaveLength(1);
  });

  it('is taken back by a restarted app, with a new address', () => {
    const leases = new Leases(10);
    expect(leases.register(app('one'), 0)).toBe(true);
    expect(leases.register(app('one'), 5_000)).toBe(false);
    expect(leases.register(app('one', 'owner', { address: 'app:2' }), 5_000)).toBe(true);
    expect(leases.find({ name: 'one' }, 14_999).apps).toMatchObject([{ address: 'app:2', expiresIn: 1 }]);
  });

  it('frees its name when it expires or is released', () => {
    const leases = new Leases(10);
    leases.register(app('one'), 0);
    expect(leases.register(app('one', 'heir'), 10_000)).toBe(true);
    leases.release('one', 'heir', 10_001);
    expect(leases.register(app('one', 'third'), 10_001)).toBe(true);
  });

  it('is refused when the tracker is full, but not to who holds one', () => {
    const leases = new Leases(2);
    leases.register(app('one'), 0);
    leases.register(app('two'), 0);
    expect(() => leases.register(app('three'), 0)).toThrow(
      expect.objectContaining({ code: trackerError.full }),
    );
    expect(leases.register(app('two', 'owner', { address: 'app:9' }), 0)).toBe(true);
  });

  it('survives in a form that holds no secret, and lasts anew from then on', () => {
    const before = new Leases(10);
    before.register(app('one', 'very-secret'), 0);
    const stored = before.stored();
    expect(JSON.stringify(stored)).not.toContain('very-secret');
    const after = new Leases(10);
    after.restore(stored, 500_000);
    expect(after.find({ name: 'one' }, 509_999).apps).toMatchObject([{ expiresIn: 1 }]);
    expect(() => after.renew('one', 'thief', 500_001)).toThrow();
    expect(after.renew('one', 'very-secret', 500_001)).toBe(10_000);
  });
});

describe('a long list of leases', () => {
  it('comes in pages that hold each name once, in order', () => {
    const leases = new Leases(1_000);
    const names = Array.from({ length: 2 * limits.page + 7 }, (_, n) => `app${n}`);
    for (const name of names) leases.register(app(name), 0);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = leases.find(after === undefined ? {} : { after }, 1);
      expect(page.apps.length).toBeLessThanOrEqual(limits.page);
      seen.push(...page.apps.map(({ name }) => name));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(names.toSorted());
  });
});

describe('leases under any sequence of calls', () => {
  it('never have two owners, never outlive their time, never exceed their number', () => {
    const call = fc.record({
      what: fc.constantFrom('register', 'renew', 'release', 'expire'),
      name: fc.constantFrom('a', 'b', 'c'),
      secret: fc.constantFrom('x', 'y'),
      lease: fc.integer({ min: 1, max: 50 }),
      wait: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const leases = new Leases(2);
        const model = new Map<string, { secret: string; lease: number; expires: number }>();
        let now = 0;
        for (const { what, name, secret, lease, wait } of calls) {
          now += wait;
          for (const [held, { expires }] of model) if (expires <= now) model.delete(held);
          leases.expire(now);
          const held = model.get(name);
          const mine = held?.secret === secret;
          const allowed = what === 'expire' || (what === 'register' ? (held ? mine : model.size < 2) : mine);
          let done = true;
          try {
            if (what === 'register') leases.register(app(name, secret, { lease }), now);
            else if (what === 'renew') leases.renew(name, secret, now);
            else if (what === 'release') leases.release(name, secret, now);
          } catch {
            done = false;
          }
          expect(done).toBe(allowed);
          if (allowed && what === 'register') model.set(name, { secret, lease, expires: now + lease });
          else if (allowed && what === 'renew' && held) held.expires = now + held.lease;
          else if (allowed && what === 'release') model.delete(name);
          expect(leases.find({}, now).apps.map((found) => found.name)).toEqual([...model.keys()].sort());
          expect(leases.nextExpiry()).toBe(
            model.size === 0 ? undefined : Math.min(...[...model.values()].map(({ expires }) => expires)),
          );
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
