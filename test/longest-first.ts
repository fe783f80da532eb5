import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Image tests that take minutes, the longest first. */
const LONG = ['update', 'hostile', 'power-cuts', 'launcher', 'boards/allwinner', 'rack', 'update-power'].map(
  (name) => `/test/image/${name}.test.ts`,
);

/** Vitest's order, but the longest image tests first: one that begins last would leave a processor with nothing to do. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.findIndex((path) => moduleId.endsWith(path));
  return at === -1 ? LONG.length : at;
}
