/** How a property of a decoder did: a line of JSON in the file that SKYMINER_FUZZ_RESULTS names. */
export interface FuzzResult {
  decoder: string;
  /** Inputs that were tried. */
  inputs: number;
  /** What it takes to see it fail again. */
  failure?: {
    /** Test file, from the repository's folder. */
    file: string;
    test: string;
    seed: number;
    /** Where fast-check has it among the inputs of the seed; missing when it was in the corpus already. */
    path?: string;
    /** What `test/corpus/` keeps of it; missing when it is not made of bytes and JSON. */
    example?: unknown;
    message: string;
  };
}
