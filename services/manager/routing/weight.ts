/** What one end of a link measured of it, smoothed. */
export interface Figures {
  /** Round-trip time in seconds, 0 or more. */
  rtt: number;
  /** The part of packets that is lost, 0 to 1. */
  loss: number;
  /** The part of the capacity that is in use, 0 to 1. */
  load: number;
}

/** No link weighs more, µs (19 hours). The weights of two paths of 65,536 hops still add up exactly in a double. */
export const MAX_WEIGHT = 2 ** 36;

/** What passing one more node costs there and back, µs: a link without any delay has a weight too. */
const HOP_US = 400;
/** The sender of a lost packet waits max(50 ms, 4 round trips) before it sends again: the circuits' hedge. */
const RESEND_US = 50_000;
const RESEND_ROUND_TRIPS = 4;
/** Up to this load a link counts as idle; a full one counts as so many idle ones in a row. */
const BUSY_LOAD = 0.5;
const FULL_FACTOR = 3;

/** @returns what is wrong with the figures, in words; undefined when nothing is */
export function problemWith({ rtt, loss, load }: Figures): string | undefined {
  if (!(rtt >= 0 && rtt < Number.POSITIVE_INFINITY))
    return `a round-trip time of ${rtt} s: it must be a number from 0`;
  if (!(loss >= 0 && loss <= 1)) return `a loss of ${loss}: it must be a number from 0 to 1`;
  if (!(load >= 0 && load <= 1)) return `a load of ${load}: it must be a number from 0 to 1`;
  return undefined;
}

/**
 * The weight of a link: the microseconds that a packet and its answer are expected to take over it. A circuit goes both
 * ways over the same links, so a link has one weight. Each end's figures give
 *
 *     (400 µs + rtt) · congestion(load) + loss / (1 − loss) · max(50 ms, 4 · rtt)
 *     congestion(load) = 1 + 2 · max(0, load − 0.5) / 0.5
 *
 * and the greater of the two counts: a path that is bad one way is bad, and no end alone can make a link look better
 * than the other one sees it. A packet is sent again loss / (1 − loss) times on average.
 *
 * Load is what circuits themselves make, so a weight that follows it far drives them to and fro. Hence a link costs the
 * same up to half of its load and never more than three times that (Khanna & Zinky, The revised ARPANET routing metric,
 * SIGCOMM 1989).
 *
 * @returns a whole number from 400 to {@link MAX_WEIGHT}, so that sums are exact and ties are known to be such. Undefined
 *   when all that is sent from one of the ends is lost: then it is no link
 */
export function weightOf(one: Figures, other: Figures): number | undefined {
  if (one.loss >= 1 || other.loss >= 1) return undefined;
  return Math.min(MAX_WEIGHT, Math.round(Math.max(timeOver(one), timeOver(other))));
}

/**
 * First half of the hysteresis, for links: the weight in force stays until the measured one is more than `band` above
 * it (× 1.25 for 0.25), or as much below (÷ 1.25). Small steps the same way add up, since each is compared with the
 * weight in force and not with the last measurement. The other half is the margin of `worthMovingBelow`, for circuits.
 *
 * @param band a part, 0 or more; 0 takes over every measurement
 */
export function withHysteresis(inForce: number, measured: number, band: number): number {
  const stays = measured <= inForce * (1 + band) && inForce <= measured * (1 + band);
  return stays ? inForce : measured;
}

/** Microseconds, not rounded. */
function timeOver({ rtt, loss, load }: Figures): number {
  const roundTrip = rtt * 1e6;
  const congestion = 1 + (FULL_FACTOR - 1) * (Math.max(0, load - BUSY_LOAD) / (1 - BUSY_LOAD));
  const resend = Math.max(RESEND_US, RESEND_ROUND_TRIPS * roundTrip);
  return (HOP_US + roundTrip) * congestion + (loss / (1 - loss)) * resend;
}
