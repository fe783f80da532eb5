/** Brings what lies on `data` from one format to the next. */
export interface FormatStep {
  /** Files and folders below `data` that it changes, makes or removes. They are kept as they were, to go back. */
  touches: readonly string[];
  /** Changes them. It may be cut short at any moment, and begins anew then with what was kept. */
  forward(data: string): Promise<void>;
}

/**
 * The steps from format 1 on. Format 1 is that of the first images: what `image/rootfs-overlay/usr/lib/tmpfiles.d` makes.
 * Who adds a step adds one to the number in `image/rootfs-overlay/usr/lib/viscript/data-format`, by which the initramfs sees
 * that there is something to do.
 */
export const STEPS: readonly FormatStep[] = [];
