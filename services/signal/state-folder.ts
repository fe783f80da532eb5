import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that viscript or systemd gives an app for what it keeps (STATE_DIRECTORY); undefined when it runs by hand. */
export function givenStateFolder({ STATE_DIRECTORY }: NodeJS.ProcessEnv): string | undefined {
  // systemd joins several folders with colons; ours come one at a time, and the first is the right one.
  return STATE_DIRECTORY?.split(':')[0] || undefined;
}

/** The same, or where the XDG base directory specification has it for an app that runs by hand. */
export function stateFolder(app: string, environment: NodeJS.ProcessEnv): string {
  const home = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return givenStateFolder(environment) ?? join(home, app);
}
