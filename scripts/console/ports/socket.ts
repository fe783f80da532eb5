/**
 * Where on the USB a serial port hangs. The name is the kernel's own for the socket, bus and ports through all hubs
 * (`1-2.3`: bus 1, port 2, and port 3 of the hub in it). It says nothing of the adapter, so another one in the same
 * socket has the same name.
 */
export interface UsbSocket {
  /** `1-2.3`; further ports of one adapter are `1-2.3:1.1` (interface) and `1-2.3:1.0-port2` (port of an interface). */
  name: string;
  /**
   * The same by the controller instead of the number of its bus, which is given out anew at each start:
   * `usb-0000:00:14.0-2.3`. For machines with several controllers, such as those in docking stations.
   */
  byController: string;
  /** Path of the interface below `/sys/devices`: every controller and hub on the way. */
  topology: string;
}

/** An interface of a USB device, as sysfs calls it: bus, ports, configuration, interface. */
const INTERFACE = /^(\d+)-(\d+(?:\.\d+)*):(\d+)\.(\d+)$/;
const BUS = /^usb\d+$/;
const PORTS = String.raw`\d+(?:\.\d+)*(?::\d+\.\d+)?(?:-port\d+)?`;
const SOCKET_NAME = new RegExp(String.raw`^(?:\d+|usb-[\w:.@-]+?)-${PORTS}$`);

/** Whether a word names a socket, in one way or the other. */
export function isSocketName(word: string): boolean {
  return word.length <= 200 && SOCKET_NAME.test(word);
}

/**
 * @param path real path of the port's device below `/sys/devices`, without that in front
 * @param port number of the port on its interface, from 0
 * @returns undefined where it is not on the USB
 */
export function socketOf(path: string, port: number): UsbSocket | undefined {
  const steps = path.split('/');
  const at = steps.findLastIndex((step) => INTERFACE.test(step));
  const [, bus, ports, configuration, number] = INTERFACE.exec(steps[at] ?? '') ?? [];
  if (bus === undefined) return undefined;
  const suffix = suffixOf(`${configuration}.${number}`, Number(number), port);
  const controller = steps[steps.findIndex((step) => BUS.test(step)) - 1];
  return {
    name: `${bus}-${ports}${suffix}`,
    byController: `usb-${controller ?? `bus${bus}`}-${ports}${suffix}`,
    topology: steps.slice(0, at + 1).join('/'),
  };
}

/**
 * Nothing for the first port of an adapter. It does not depend on how many others there are, for they come up one
 * after the other.
 */
function suffixOf(place: string, interfaceNumber: number, port: number): string {
  if (port > 0) return `:${place}-port${port}`;
  return interfaceNumber === 0 ? '' : `:${place}`;
}
