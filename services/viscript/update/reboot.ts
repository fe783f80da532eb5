import { Bus } from '../launcher/dbus.ts';

/** Has logind restart the board in good order; returns when that has begun. @throws {DBusError} @throws {BusClosed} */
export async function rebootBoard(): Promise<void> {
  const bus = await Bus.connect();
  try {
    const manager = {
      destination: 'org.freedesktop.login1',
      path: '/org/freedesktop/login1',
      interface: 'org.freedesktop.login1.Manager',
      member: 'Reboot',
    };
    await bus.call(manager, 'b', [false]);
  } finally {
    bus.close();
  }
}
