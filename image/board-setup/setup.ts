import { settingsInForce } from './in-force.ts';
import { keyOfInputs } from './inputs.ts';
import { keepTree, layOver } from './keep.ts';
import { bringOntoData } from './on-data.ts';
import { makeTree } from './tree.ts';

/**
 * Makes of a board's file all that is its own, and of nothing else: what is no longer in the file is gone.
 *
 * @param root folder of the whole system: `/`
 * @returns what is wrong, a line each
 */
export async function setUpBoard(root: string): Promise<string[]> {
  const { settings, isCurrent, problems } = await settingsInForce(root);
  try {
    // What data has of the last good file stays as it is.
    if (isCurrent) await bringOntoData(root, settings);
  } catch (error) {
    problems.push(`not all of board.yaml could be brought onto data: ${messageOf(error)}`);
  }
  const tree = await makeTree(root, settings, problems);
  await layOver(root, tree);
  try {
    await keepTree(root, await keyOfInputs(root), tree);
  } catch (error) {
    problems.push(
      `what was made of board.yaml is not kept, so the next start takes longer: ${messageOf(error)}`,
    );
  }
  return problems;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
