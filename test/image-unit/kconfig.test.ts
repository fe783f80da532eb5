import { describe, expect, it } from 'vitest';
import { requireLines } from '../../image/kconfig.ts';

const config = 'BR2_A=y\nCONFIG_A=y\nCONFIG_TIME="16"\n# CONFIG_OFF is not set\nCONFIG_ON=m\n';

describe('lines of a configuration', () => {
  it('are those that were asked for, or not there where they were to be off', () => {
    const wanted =
      '# A comment\n\nCONFIG_A=y\nCONFIG_TIME="16"\n# CONFIG_OFF is not set\n# CONFIG_GONE is not set\n';
    expect(() => requireLines(wanted, config, 'file')).not.toThrow();
  });

  it.each(['BR2_GONE=y', 'BR2_A=m', 'CONFIG_A=m', 'CONFIG_GONE=y', '# CONFIG_ON is not set', 'CONFIG_OFF=y'])(
    'are missed by the name of their file: %s',
    (line) => {
      expect(() => requireLines(`CONFIG_A=y\n${line}\n`, config, 'a.config')).toThrow(
        new RegExp(`^a\\.config: .*\\n${line}$`),
      );
    },
  );
});
