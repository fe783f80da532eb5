/** The two parts of @homebridge/dbus-native that launcher/dbus.ts uses; the package describes only its outermost API. */

declare module '@homebridge/dbus-native/lib/handshake.js' {
  import type { Socket } from 'node:net';

  /** The client's side of the authentication; `done` gets the server's id, or why it refused. */
  export default function handshake(
    stream: Socket,
    options: { authMethods?: string[] },
    done: (error: Error | null, serverId?: string) => void,
  ): void;
}

declare module '@homebridge/dbus-native/lib/message.js' {
  import type { Socket } from 'node:net';

  export interface Message {
    /** 1 method call, 2 method return, 3 error, 4 signal. */
    type: number;
    serial: number;
    replySerial?: number;
    path?: string;
    interface?: string;
    member?: string;
    destination?: string;
    sender?: string;
    errorName?: string;
    signature?: string;
    body?: unknown[];
  }

  const codec: {
    marshall(message: Message): Buffer;
    unmarshalMessages(stream: Socket, onMessage: (message: Message) => void, options: object): void;
  };
  export default codec;
}
