import { describe, expect, it } from 'vitest';
import type { Report } from '../../../services/vpn/datagram.ts';
import { Way } from '../../../services/vpn/way.ts';

/** Two ends of a tunnel, and what is under way between them. */
class Ends {
  readonly near = new Way();
  readonly far = new Way();
  now = 0;

  /** Datagrams from near to far, with the marks that are due and the reports on those. @param loses asked for each */
  send(count: number, loses: (at: number) => boolean = () => false): void {
    for (let at = 0; at < count; at++) {
      this.now += 0.1;
      this.near.sends(1);
      if (!loses(at)) this.far.receives();
      this.mark();
    }
  }

  trains(count: number, loses: (at: number) => boolean = () => false): void {
    for (let at = 0; at < count; at++) {
      this.now += 1;
      const number = this.near.trainsNumber;
      this.near.sendsTrains(this.now);
      if (!loses(at)) this.far.receivesTrains(number);
      this.mark();
    }
  }

  mark(): Report | undefined {
    const mark = this.near.mark(this.now);
    if (mark === undefined) return undefined;
    this.near.sends(1);
    this.far.receives();
    const report = this.far.marked(mark, this.now);
    this.far.sends(1);
    this.near.receives();
    this.near.reported(report, this.now);
    return report;
  }
}

const always = () => true;

describe('the way to the other end of a tunnel', () => {
  it('takes trains once a thousand datagrams have arrived one after the other', () => {
    const ends = new Ends();
    ends.send(900);
    expect(ends.near.isClear).toBe(false);
    ends.send(200);
    expect(ends.near.isClear).toBe(true);
    expect(ends.far.isClear).toBe(false);
  });

  it('takes none where one of a hundred datagrams gets lost, however many go', () => {
    const ends = new Ends();
    ends.send(200_000, (at) => at % 100 === 0);
    expect(ends.near.isClear).toBe(false);
  });

  it('takes none any more when a datagram gets lost, whichever way it went', () => {
    const ends = new Ends();
    ends.send(1_100);
    ends.send(64, (at) => at === 3);
    expect(ends.near.isClear).toBe(false);
    ends.send(5_000);
    expect(ends.near.isClear).toBe(true);
    // What has come of the far end is one less than it has sent.
    ends.far.sends(1);
    const mark = { sent: 0 };
    for (let at = 0; at < 80 && mark.sent === 0; at++) {
      ends.far.sends(1);
      ends.near.receives();
      const due = ends.far.mark(ends.now);
      if (due) mark.sent = due.sent;
    }
    ends.near.receives();
    ends.near.marked(mark, ends.now);
    expect(ends.near.isClear).toBe(false);
  });

  it('finds out while nothing but trains goes, which do not get lost', () => {
    const ends = new Ends();
    ends.send(1_100);
    ends.trains(1_000);
    expect(ends.near.isClear).toBe(true);
    for (let at = 0; at < 40; at++) {
      const number = ends.near.trainsNumber;
      ends.now += 1;
      ends.near.sendsTrains(ends.now);
      ends.far.receivesTrains(number);
      // Marks are datagrams too: one of them is lost.
      if (ends.near.mark(ends.now) !== undefined) ends.near.sends(1);
    }
    ends.trains(40);
    expect(ends.near.isClear).toBe(false);
  });

  it('does not mind what comes out of order', () => {
    const ends = new Ends();
    ends.send(1_100);
    // The last four before a mark overtake it.
    ends.near.sends(70);
    for (let at = 0; at < 66; at++) ends.far.receives();
    const mark = ends.near.mark(ends.now);
    ends.near.sends(1);
    for (let at = 0; at < 5; at++) ends.far.receives();
    expect(mark).toBeDefined();
    if (mark) ends.near.reported(ends.far.marked(mark, ends.now), ends.now);
    expect(ends.near.isClear).toBe(true);
    // A report that was overtaken by a later one.
    const before = ends.mark() ?? { sent: 900, received: 100, nextTrains: 0, trains: 0 };
    ends.near.reported({ ...before, sent: 900, received: 100 }, ends.now);
    expect(ends.near.isClear).toBe(true);
  });

  it('goes on with trains when some are dropped, and without when most are or none arrives any more', () => {
    const ends = new Ends();
    ends.send(1_100);
    ends.trains(2_000, (at) => at % 3 === 0);
    expect(ends.near.isClear).toBe(true);
    ends.trains(200, (at) => at % 3 !== 0);
    expect(ends.near.isClear).toBe(false);
    ends.send(5_000);
    ends.trains(500);
    expect(ends.near.isClear).toBe(true);
    ends.trains(1_100, always);
    expect(ends.near.isClear).toBe(false);
  });

  it('does not mistake the end of a pause for trains that do not arrive', () => {
    const ends = new Ends();
    ends.send(1_100);
    ends.trains(100);
    ends.now += 600_000;
    ends.trains(1, always);
    ends.trains(20);
    expect(ends.near.isClear).toBe(true);
  });

  it('wants more proof each time that the last was too little, and less again after a good minute', () => {
    const ends = new Ends();
    const lose = () => ends.send(64, (at) => at === 0);
    const proof = () => {
      let sent = 0;
      for (; !ends.near.isClear; sent += 100) ends.send(100);
      return sent;
    };
    const first = proof();
    lose();
    expect(proof()).toBeGreaterThan(1.8 * first);
    for (let at = 0; at < 10; at++) {
      lose();
      proof();
    }
    lose();
    expect(proof()).toBeLessThan(17_000);
    ends.trains(61_000);
    lose();
    expect(proof()).toBeLessThan(1.2 * first);
  });

  it('counts on when its numbers begin anew', () => {
    const way = new Way();
    const none = { nextTrains: 0, trains: 0 };
    for (const sent of [0x7fffffff, 0xfffffffe]) {
      way.sends(0x7fffffff);
      expect(way.mark(0)).toEqual({ sent: sent + 1 });
      way.reported({ sent, received: sent - 9, ...none }, 0);
    }
    way.sends(1_000);
    expect(way.mark(0)).toEqual({ sent: 999 });
    way.reported({ sent: 998, received: 989, ...none }, 0);
    expect(way.isClear).toBe(true);
    way.reported({ sent: 1_062, received: 1_052, ...none }, 0);
    expect(way.isClear).toBe(false);
  });
});
