import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { SLOT_RECORD } from '../../services/slots/record.ts';
import { imageVersion } from '../../services/slots/status.ts';
import { BOARD_RESCUE, lastWords, readJournal, unitState } from '../../services/viscript/serial/rescue.ts';
import { STATE_DEVICE, startedSlot } from '../disk/state-device.ts';
import type { Problem } from './health.ts';
import { lastLinesOf, lookAt } from './look.ts';
import { rememberWhy } from './remember-why.ts';
import { tellingLines } from './telling-lines.ts';
import { watchTrial } from './trial.ts';

/**
 * The program of slot-gate.service: watches a slot on trial. Ends with status 1 when it has not proved good, and systemd
 * then starts the board anew.
 */
const FOLDER = '/run/skyminer';
const CONTROL = '/run/viscript/control.sock';
const LOOK_MS = 5000;
const CALM_MS = 60_000;
/** Of what was looked at of a log, so many lines are kept. */
const [LOOKED_AT, LINES] = [40, 3];

const commandLine = readFileSync('/proc/cmdline', 'utf8');
const slot = startedSlot(commandLine);
const result = await watchTrial({
  slot,
  version: await imageVersion(),
  left: /(?:^|\s)skyminer\.left=([0-9a-f]{1,8})(?:\s|$)/.exec(commandLine)?.[1] ?? '0',
  device: STATE_DEVICE,
  record: SLOT_RECORD,
  folder: FOLDER,
  untilMs: patienceOf(readFileSync(`${FOLDER}/trial`, 'utf8')) * 1000,
  calmMs: CALM_MS,
  clock: sinceBoot,
  look: () => lookAt(CONTROL),
  explain,
  next: () => pause(LOOK_MS),
  log: (text) => process.stderr.write(`${text}\n`),
});
if (result === 'failed') process.exitCode = 1;
else await rememberWhy(slot, commandLine);

/** The initramfs has looked at what stands on the kernel's command line: seconds since the kernel's start. */
function patienceOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new Error(`${FOLDER}/trial holds no number of seconds: ${JSON.stringify(text)}`);
  return seconds;
}

/** Linux's CLOCK_MONOTONIC. */
function sinceBoot(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

async function explain({ about }: Problem): Promise<string> {
  if (about === 'supervisor') {
    const [unit, words] = await Promise.all([
      unitState(BOARD_RESCUE),
      lastWords({ ...BOARD_RESCUE, log: readJournal(LOOKED_AT) }),
    ]);
    return [unit, ...tellingLines(words.split('\n'), LINES)].join(' | ');
  }
  if (typeof about !== 'object') return '';
  try {
    return tellingLines(await lastLinesOf(CONTROL, about.app, LOOKED_AT), LINES).join(' | ');
  } catch (error) {
    return `its log cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
