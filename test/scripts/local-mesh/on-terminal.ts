/** A mesh of two nodes on the terminal this runs on: its picture, and the keys that end it. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { showSteps } from '../../../image/steps.ts';
import { abortOnSignals } from '../../../scripts/lib/program.ts';
import { runLocalMesh } from '../../../scripts/local-mesh/run.ts';

const { stdin: input, stdout: output } = process;
const [bundle = ''] = process.argv.slice(2);
const steps = showSteps({ logs: join(tmpdir(), 'logs'), output });
await runLocalMesh({ bundle, nodes: 2, steps, input, output, signal: abortOnSignals() });
