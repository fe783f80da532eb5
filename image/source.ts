import type { Board } from './board-file.ts';
import type { Cache } from './cache.ts';
import type { Materials } from './materials/component.ts';
import type { Steps } from './steps.ts';

export interface RootRequest {
  board: Board;
  /** Where stages of the build keep their results. */
  cache: Cache;
  /** Folder with the bundle of the runtime. */
  bundle: string;
  /** File that names the packages to use, exactly; undefined: the newest. */
  manifest: string | undefined;
  /** Look for newer packages than those in the cache. */
  refresh: boolean;
  steps: Steps;
}

/** What a source of root file systems makes for a slot. All are files in the cache: read them only. */
export interface RootParts extends Materials {
  squashfs: string;
  kernel: string;
  initramfs: string;
  /** Undefined when the board's firmware brings one. */
  deviceTree: string | undefined;
  /** As it was built or packaged: nothing in its environment is changed yet. */
  uBoot: string;
  /** Seconds since 1970: the time of all that is made. */
  date: number;
  /** Of the image, unique to its content. */
  version: string;
  /** Identifies the inputs. */
  key: string;
}

/** A source of root file systems: Debian packages, or Buildroot. */
export type RootSource = (request: RootRequest) => Promise<RootParts>;
