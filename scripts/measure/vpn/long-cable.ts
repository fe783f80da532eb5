/**
 * A program, `long-cable.ts INTERFACE INTERFACE MILLISECONDS LOSS`: makes two interfaces that are the ends of a cable, on
 * which a packet takes so long, and is lost with this probability. The kernel's own means for this, netem, is not in
 * every kernel; where one connection's speed is bounded by delay and loss, this one is as good.
 */
import { TunDevice } from '../../../services/vpn/tun/device.ts';
import { packetsOf } from '../../../services/vpn/tun/segment.ts';
import { DelayLine } from './delay-line.ts';

const [first = '', second = '', delayText, lossText] = process.argv.slice(2);
const [delayMs, loss] = [Number(delayText), Number(lossText)];

const ends = [await TunDevice.open(first), await TunDevice.open(second)] as const;
join(...ends);
join(ends[1], ends[0]);
process.stdout.write('there\n');

function join(from: TunDevice, to: TunDevice): void {
  const line = new DelayLine<Buffer>(
    (packet) => to.write({ packet, segment: 0 }),
    delayMs,
    () => Math.random() < loss,
  );
  from.start({
    onTrains: (trains) => line.send(trains.flatMap(packetsOf)),
    onLost: (error) => {
      process.stderr.write(`long-cable: ${error.message}\n`);
      process.exit(1);
    },
  });
}
