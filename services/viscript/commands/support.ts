import { type Command, UsageError } from './command.ts';
import { localNode } from './mesh.ts';

export const supportCommand: Command = {
  name: 'support',
  aliases: [],
  usage: '[FILE]',
  arity: [0, 1],
  summary: 'pack what somebody needs who is to help into a tar.gz, secrets removed',
  help: [
    'Versions, config, status, last lines of all logs, exits, resources, mounts, disks, the kernel’s log where it may be',
    'read, addresses, and what the manager knows of the mesh. The FILE must not be there yet; without one the bundle goes',
    'to standard output: `ssh viscript@BOARD support > bundle.tar.gz`. Keys, tokens, passwords and what looks like one',
    'are removed. Look into it all the same before you hand it on: nobody can tell every secret from a word.',
  ].join('\n'),
  completes: ['file'],
  async run(context) {
    const [file = ''] = context.args;
    if (file === '' && context.columns > 0)
      throw new UsageError('support: a terminal shows no archive; give a FILE to write it to');
    // Not loaded by those who need no help.
    const { supportBundle } = await import('../support/bundle.ts');
    let size = 0;
    for await (const piece of supportBundle(context, localNode(context.supervisor))) {
      size += piece.length;
      context.bytes(file, piece);
      await context.drained();
    }
    if (file !== '') context.put({ file, bytes: size }, `${file}: ${size} bytes\n`);
    return undefined;
  },
};
