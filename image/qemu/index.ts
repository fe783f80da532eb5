export type { Forward } from './arguments.ts';
export { type AttachOptions, attach } from './attach.ts';
export { BoardError, QemuBoard, type QemuBoardOptions } from './board.ts';
export { Hub, type HubCounters, type HubOptions } from './hub.ts';
export { type RunHubOptions, runHub } from './run-hub.ts';
export { type RunQemuOptions, runQemu } from './run-qemu.ts';
export { type EmulatedBoards, type RunRackOptions, runRack } from './run-rack.ts';
export { ConsoleError, SerialConsole } from './serial-console.ts';
