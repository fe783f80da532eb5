import { ImageError } from './error.ts';

/**
 * Checks that a configuration has come out as it was asked for: Kconfig drops without a word what it does not know or what
 * something else decides.
 *
 * @param wanted lines of `CONFIG_X=…` and `# CONFIG_X is not set`, or of Buildroot's `BR2_X`
 * @param file names them in the error
 * @throws ImageError
 */
export function requireLines(wanted: string, config: string, file: string): void {
  const lines = new Set(config.split('\n'));
  const isSetting = (line: string) => /^(?:(?:CONFIG|BR2)_\w+=|# (?:CONFIG|BR2)_\w+ is not set$)/.test(line);
  const lost = wanted.split('\n').filter((line) => {
    if (!isSetting(line) || lines.has(line)) return false;
    // What is not there at all is not set either.
    const unset = /^# ((?:CONFIG|BR2)_\w+) is not set$/.exec(line)?.[1];
    return unset === undefined || config.includes(`\n${unset}=`);
  });
  if (lost.length > 0) throw new ImageError(`${file}: these lines are not taken:\n${lost.join('\n')}`);
}
