/**
 * Bytes of a config file at most: a hundred times what a rack needs. A file of this size that is nothing but errors takes
 * the parser two to four seconds, which must stay well below the deadline of a watchdog.
 */
export const MAX_FILE_BYTES = 256 * 1024;
