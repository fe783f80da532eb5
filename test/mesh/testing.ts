import { afterAll, beforeAll, expect, type TestContext } from 'vitest';
import { CommandError, run } from '../../image/run.ts';
import { Lab } from '../../scripts/lib/lab.ts';
import { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import type { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';

/** What tests of the mesh need besides `ip`. */
const tools = [
  ['nft', '--version'],
  ['socat', '-V'],
] as const;

/** Why there can be no lab on this machine; undefined when there can. */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [command, option] of tools) {
    const reason = await whyNot(command, option);
    if (reason !== undefined) return reason;
  }
  try {
    await using lab = new Lab();
    await lab.host('a');
    await lab.host('b');
    await lab.connect('a', 'b');
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return `no network namespaces here: ${error.message}`;
  }
}

/** Why a tool does not run; undefined when it does. */
export async function whyNot(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    await run(command, args);
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message;
  }
}

/**
 * One mesh for all tests of a file, or of a `describe`; each leaves it whole.
 *
 * @param whyNone a reason why there can be no such mesh here
 * @returns gives a test the mesh, or skips the test where there can be none; when the test fails, logs are shown
 */
export function sharedMesh(
  make: () => Promise<Mesh>,
  whyNone: () => Promise<string | undefined> = async () => undefined,
): (context: TestContext) => Mesh {
  let mesh: Mesh | undefined;
  let reason: string | undefined;
  beforeAll(async () => {
    reason = (await whyNoLab()) ?? (await whyNone());
    if (reason === undefined) mesh = await make();
  });
  afterAll(() => mesh?.[Symbol.asyncDispose]());
  return (context) => {
    context.skip(mesh === undefined, reason);
    if (mesh === undefined) throw new Error('there is no mesh');
    showLogsOnFailure(context, mesh);
    return mesh;
  };
}

/** A mesh for one test. */
export async function ownMesh(context: TestContext, ...start: Parameters<typeof Mesh.start>): Promise<Mesh> {
  const reason = await whyNoLab();
  context.skip(reason !== undefined, reason);
  const mesh = await Mesh.start(...start);
  showLogsOnFailure(context, mesh);
  return mesh;
}

/** Ends a transfer: all that was sent has come, as it was sent, and both ends know. */
export async function expectWhole(transfer: Transfer): Promise<void> {
  const { sent, got, answer } = await transfer.finish();
  expect(got).toEqual(sent);
  expect(answer).toBe(sent.sha256);
}

function showLogsOnFailure(context: TestContext, mesh: Mesh): void {
  context.onTestFailed(() => console.error(withoutProgress(mesh.log)));
}

function withoutProgress(log: string): string {
  return log
    .split('\n')
    .filter((line) => !/ got \d+$/.test(line))
    .join('\n');
}
