import { readFileSync } from 'node:fs';
import { AESGCM, ChaChaPoly, type Suite } from '../noise/suite.ts';

/** The bit, and the number, by which each suite goes in a handshake; the first that both ends take is chosen. */
const NUMBERED: readonly (readonly [number, Suite])[] = [
  [1, AESGCM],
  [2, ChaChaPoly],
];

let known: readonly Suite[] | undefined;

/** The suites that this machine takes: AESGCM only where AES is in hardware, for it is slow and leaky in software. */
export function suitesHere(): readonly Suite[] {
  known ??= suitesOf(processorFlags());
  return known;
}

/** @param cpuinfo as in `/proc/cpuinfo`; processors of x86 name their `flags`, those of ARM their `Features` */
export function suitesOf(cpuinfo: string): readonly Suite[] {
  return /^(?:flags|Features)\s*:.*\saes(?:\s|$)/m.test(cpuinfo) ? [AESGCM, ChaChaPoly] : [ChaChaPoly];
}

/** As one byte of message 1. */
export function suiteBits(suites: readonly Suite[]): number {
  return NUMBERED.reduce((bits, [number, suite]) => (suites.includes(suite) ? bits | number : bits), 0);
}

/** @returns the suite for both, undefined when there is none. */
export function chooseSuite(bits: number, suites: readonly Suite[]): Suite | undefined {
  return NUMBERED.find(([number, suite]) => (bits & number) !== 0 && suites.includes(suite))?.[1];
}

export function suiteOfNumber(number: number): Suite | undefined {
  return NUMBERED.find(([each]) => each === number)?.[1];
}

/** Without `/proc` nothing is known about the processor, and ChaChaPoly is good on all of them. */
function processorFlags(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
