/** The protocol between viscript and everything it launches. An app may import `client.ts` alone. */
export { type AcceptorOptions, createAcceptor, listenOnTcp, stopListening } from './accept.ts';
export { Backoff, type BackoffOptions } from './backoff.ts';
export type { Channel } from './channel.ts';
export {
  type ConnectOptions,
  connect,
  RegistrationRefused,
  type ShutdownHook,
  type SignalApp,
} from './client.ts';
export { dial } from './dial.ts';
export {
  type CallOptions,
  CallTimeout,
  ConnectionLost,
  errorCode,
  type HandlerContext,
  InvalidResult,
  MessageTooLarge,
  type Parser,
  Peer,
  PeerBusy,
  type PeerOptions,
  RpcError,
} from './jsonrpc.ts';
export { channelOfSocket, type LineOptions } from './lines.ts';
export type { AppUsage } from './messages.ts';
export { SignalServer, type SignalServerOptions } from './server.ts';
export { SignalSession } from './session.ts';
export { listenOnUnixSocket, SocketInUse, socketOfUrl, urlOfSocket } from './unixsocket.ts';
export { channelOfWebSocket } from './websocket.ts';
