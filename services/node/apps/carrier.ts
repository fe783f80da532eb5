import type { Access, MeshChannel, MeshStream, Target } from '../../mesh/types.ts';
import type { Shown } from '../../net/control/messages.ts';
import type { ShownMembers } from '../../net/control/shown.ts';
import type { PublicKey } from '../../net/keys.ts';

/** What the apps of a node ask of it. */
export interface Carrier {
  /** This node. */
  readonly key: PublicKey;
  /**
   * Opens a stream to an app; resolves when that app has taken it. Destroying the stream before both directions have
   * ended resets it at the other end too, where the message of the error is the reason; a reset that comes from there
   * destroys it with an error. @throws {MeshError}
   */
  openStream(to: Target, from: string, signal: AbortSignal): Promise<MeshStream>;
  /** The same for datagrams. @throws {MeshError} */
  openChannel(to: Target, from: string, signal: AbortSignal): Promise<MeshChannel>;
  /** Makes an app reachable until it is removed. @throws {MeshError} `name-taken` */
  addApp(app: LocalApp): void;
  removeApp(name: string): void;
  /** The list of members that is in force. */
  readonly members: ShownMembers;
  /** Takes a newer list of members over, here and in the mesh. @returns whether it was newer. @throws {RpcError} */
  takeMembers(text: string): Promise<boolean>;
  /** What the manager knows of the mesh. @throws {MeshError} */
  show(what: Shown): Promise<unknown[]>;
}

/** An app at this node that others may connect to. */
export interface LocalApp {
  name: string;
  type: string;
  access: Access;
  /** Takes a stream; resolves when the app has it. @throws {MeshError} `refused` or `timeout`: the other end is told */
  accept(stream: MeshStream): Promise<void>;
  acceptChannel(channel: MeshChannel): Promise<void>;
}
