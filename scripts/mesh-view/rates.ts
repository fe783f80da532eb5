import { type LinkSeen, linkName, type MeshPicture } from './picture.ts';

/** Bytes per second in each direction of a link, in the order of its ends. */
export type Rate = readonly [number, number];

interface Reading {
  /** Milliseconds on a steady clock. */
  at: number;
  sent: readonly [number, number];
}

/** Makes rates of the counters in pictures of a mesh that follow each other. */
export class Rates {
  #before = new Map<string, Reading>();

  /**
   * @param at when the picture was taken, milliseconds on a steady clock
   * @returns by the name of the link; nothing for one that was not in the picture before, and 0 where a counter went
   *   back, for its node has started anew
   */
  next(picture: MeshPicture, at: number): Map<string, Rate> {
    const readings = new Map(picture.links.map((link) => [nameOf(link), { at, sent: link.sent }]));
    const rates = new Map<string, Rate>();
    for (const [name, now] of readings) {
      const before = this.#before.get(name);
      if (before !== undefined) rates.set(name, [rate(before, now, 0), rate(before, now, 1)]);
    }
    this.#before = readings;
    return rates;
  }
}

function nameOf({ ends }: LinkSeen): string {
  return linkName(...ends);
}

function rate(before: Reading, now: Reading, direction: 0 | 1): number {
  const seconds = (now.at - before.at) / 1000;
  return seconds <= 0 ? 0 : Math.max(0, now.sent[direction] - before.sent[direction]) / seconds;
}
