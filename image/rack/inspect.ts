import { stat } from 'node:fs/promises';
import { KeyFileError } from '../../services/net/key-file.ts';
import type { Membership } from '../../services/net/membership.ts';
import { InvalidFile } from '../../services/yaml/index.ts';
import { derivedFiles } from './derived.ts';
import { pendingOf } from './enrol.ts';
import { RackError } from './error.ts';
import { rackFiles } from './files.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { readBackupKey, readDescription, readPart, readRack } from './read.ts';
import { textIfThere } from './text.ts';

/** How a rack's folder is found. */
export interface Findings {
  /** What is wrong, a line each: where, what, and what to do. */
  problems: string[];
  /** What is in order. */
  fine: string[];
  /** What is left to do, or good to know. */
  notes: string[];
}

/** Looks at all parts of a rack's folder, and whether they fit each other. Needs no passphrase, and changes nothing. */
export async function inspectRack(folder: string): Promise<Findings> {
  const findings: Findings = { problems: [], fine: [], notes: [] };
  const rack = await tried(findings, () => readDescription(folder));
  const membership = await tried(findings, () => readRack(folder));
  await tried(findings, () => lookAtSecret(folder, findings));
  await tried(findings, () => readBackupKey(folder));
  if (rack !== undefined) describeRack(rack, findings);
  if (membership !== undefined) {
    const { number, members, rack: key } = membership;
    findings.fine.push(
      `members: list number ${number}, ${counted(members.length, 'board')}, signed by ${key}`,
    );
  }
  if (rack === undefined || membership === undefined) return findings;
  compare(folder, rack, membership, findings);
  await tried(findings, () => lookAtDerived(folder, rack, membership, findings));
  return findings;
}

async function tried<T>({ problems }: Findings, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const isFinding =
      error instanceof RackError || error instanceof InvalidFile || error instanceof KeyFileError;
    if (!isFinding) throw error;
    problems.push(...error.message.split('\n'));
    return undefined;
  }
}

async function lookAtSecret(folder: string, { problems }: Findings): Promise<void> {
  const { key } = rackFiles(folder);
  await readPart(key, folder);
  const { mode } = await stat(key);
  if ((mode & 0o077) !== 0)
    problems.push(`${key}: others may read it; make it yours alone: chmod 600 ${key}`);
}

function describeRack(rack: RackFile, { fine, notes }: Findings): void {
  const { boards, network, manager, sshKeys, consolePassphrase, apps, updateKeys } = rack;
  const where = network.subnet === undefined ? 'by DHCP' : `in ${network.subnet.text}`;
  const who = 'board' in manager ? manager.board : `${manager.key}@${manager.address}`;
  fine.push(
    `rack.yaml: ${counted(boards.size, 'board')} ${where}, manager ${who}, ${counted(sshKeys.length, 'SSH key')}, ` +
      `${counted(apps.size, 'app')}, update keys ${updateKeys === undefined ? 'of the image' : 'of yours'}`,
  );
  if (sshKeys.length === 0) notes.push('nobody may log in over SSH: rack.yaml has no ssh_keys');
  if (consolePassphrase === undefined)
    notes.push('serial consoles ask for nothing: rack.yaml has no console_passphrase');
}

function compare(
  folder: string,
  rack: RackFile,
  membership: Membership,
  { problems, notes }: Findings,
): void {
  const { description, members } = rackFiles(folder);
  const { added, changed, extra } = pendingOf(membership, rack);
  for (const board of extra)
    problems.push(
      `${members}: ${board} is a member, and ${description} lacks it: 'skyminer rack remove ${board}', or write it there`,
    );
  if (added.length > 0)
    notes.push(`without an identity, 'skyminer rack sign' makes them: ${added.join(', ')}`);
  if (changed.length > 0)
    notes.push(`with other roles in the list, 'skyminer rack sign' makes a new one: ${changed.join(', ')}`);
  const { manager } = rack;
  if ('board' in manager) return;
  const twin = membership.members.find(({ key }) => key === manager.key);
  if (twin !== undefined && !twin.roles.includes('manager'))
    problems.push(`${description}: the key of manager is that of ${twin.board}, which has no role manager`);
}

async function lookAtDerived(
  folder: string,
  rack: RackFile,
  membership: Membership,
  { fine, notes }: Findings,
): Promise<void> {
  const stale: string[] = [];
  for (const { file, text } of await derivedFiles(folder, membership, rack))
    if ((await textIfThere(file)) !== text) stale.push(file);
  if (stale.length > 0) notes.push(`not up to date, 'skyminer rack sign' writes them: ${stale.join(', ')}`);
  else fine.push('rack.lock.yaml, known_hosts, ssh_config: up to date');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
