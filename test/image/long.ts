/** Starts of boards take most of the time of `./scripts/test`. What needs many runs when this is set, and in `./scripts/soak`. */
export const isLong = process.env.SKYMINER_LONG !== undefined;
