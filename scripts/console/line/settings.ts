import type { Framing } from '../../../services/viscript/serial/port.ts';

/** How a line is spoken on. */
export interface LineSettings {
  /** Bits a second. */
  baudRate: number;
  framing: Framing;
  pacing: Pacing;
}

/** For boards that lose what comes too fast. */
export interface Pacing {
  /** Milliseconds after each byte; 0 for none. */
  byteMs: number;
  /** Milliseconds after each end of a line; 0 for none. */
  lineMs: number;
}

/** The settings in the usual short form: `115200 8N1`, with what stops the flow behind it. */
export function describeSettings({ baudRate, framing }: LineSettings): string {
  const { dataBits = 8, parity = 'none', stopBits = 1, rtscts = false, xon = false } = framing;
  const flow = rtscts ? ', flow by RTS/CTS' : xon ? ', flow by XON/XOFF' : '';
  return `${baudRate} ${dataBits}${parity.charAt(0).toUpperCase()}${stopBits}${flow}`;
}
