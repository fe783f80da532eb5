/** Where this machine tells of its drives. */
export interface Roots {
  sys: string;
  proc: string;
  dev: string;
}

export const ROOTS: Roots = { sys: '/sys', proc: '/proc', dev: '/dev' };
