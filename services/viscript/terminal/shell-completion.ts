/** Completion of the program `viscript` in the user's own shell: the scripts, and what they ask for. */

const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * `viscript completion SHELL`: prints the script for that shell.
 *
 * @returns the exit status: 2 when there is no such shell
 */
export function printShellCompletion(args: readonly string[]): number {
  const shell = SHELLS.find((name) => name === args[0]);
  if (shell === undefined || args.length > 1) {
    process.stderr.write(`usage: viscript completion ${SHELLS.join('|')}\n`);
    return 2;
  }
  process.stdout.write(shellCompletion(shell));
  return 0;
}

/** The script for a shell. It asks `viscript OPTIONS… __complete WORDS…`, one candidate a line. */
export function shellCompletion(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * Candidates for the last of the words of a `viscript` command line, which is being typed.
 *
 * @param ask the running supervisor; not asked for what only the program itself knows
 */
export async function shellCandidates(
  words: readonly string[],
  ask: (words: string[], word: string) => Promise<{ values: string[] }>,
): Promise<string[]> {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? '';
  let at = 0;
  for (; before[at]?.startsWith('-') === true; at += 1) if (VALUED.has(before[at] ?? '')) at += 1;
  // The word is the value of an option: a file or a host, which the shell knows better.
  if (at > before.length) return [];

  const command = before.slice(at);
  if (command[0] === 'completion') return command.length === 1 ? startingWith(SHELLS, word) : [];
  if (command[0] === 'serial') return startingWith(command.length === 1 ? [] : ['--baud'], word);
  if (command.length > 0) return (await ask(command, word)).values;
  if (word.startsWith('-')) return startingWith(OPTIONS, word);
  return [...(await ask([], word)).values, ...startingWith(['completion', 'serial'], word)];
}

const OPTIONS = ['--json', '--headless', '--config', '--runtime-dir', '--host', '--version', '--help'];
const VALUED = new Set(['--config', '--runtime-dir', '--host', '-H']);

function startingWith(values: readonly string[], word: string): string[] {
  return values.filter((value) => value.startsWith(word));
}

/**
 * Where `viscript` offers nothing, the shells complete file names. bash splits words also at `:` and `=`; they are
 * put together again, and what is before the last of them is taken off the candidates.
 */
const BASH = `# viscript completion for bash: source <(viscript completion bash)
_viscript() {
  local line=\${COMP_LINE:0:COMP_POINT} words word candidates i
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  word=\${words[-1]}
  mapfile -t candidates < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  local typed=\${word%"\${COMP_WORDS[COMP_CWORD]}"}
  [[ \${COMP_WORDS[COMP_CWORD]} == [:=] ]] && typed=$word
  for i in "\${candidates[@]}"; do
    [[ $i == "$word"* ]] && COMPREPLY+=("$(printf %q "\${i#"$typed"}")")
  done
}
complete -o default -F _viscript viscript
`;

const ZSH = `#compdef viscript
# viscript completion for zsh: source <(viscript completion zsh)
_viscript() {
  local -a candidates
  candidates=("\${(@f)$(\${words[1]} __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( \${#candidates} )); then
    compadd -- "\${candidates[@]}"
  else
    _files
  fi
}
compdef _viscript viscript
`;

const FISH = `# viscript completion for fish: viscript completion fish | source
function __viscript_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    $words[1] __complete $words[2..-1] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command viscript --arguments '(__viscript_complete)'
`;

const SCRIPTS: Record<Shell, string> = { bash: BASH, zsh: ZSH, fish: FISH };
