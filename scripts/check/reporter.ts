import { appendFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';
import type { FileRecord, TestRecord } from './results.ts';

/**
 * Vitest reporter that writes a line of JSON for each finished test file, and one for the end of the run,
 * to the file in SKYMINER_TEST_RESULTS. Vitest's own JSON has neither the reason of a skipped test nor
 * errors outside of tests, and does not exist when the run crashed.
 */
export default class ResultsReporter implements Reporter {
  readonly #file = requiredEnvironment('SKYMINER_TEST_RESULTS');
  readonly #reported = new Set<string>();

  onTestRunStart(): void {
    writeFileSync(this.#file, '');
  }

  onTestModuleEnd(module: TestModule): void {
    this.#reported.add(module.id);
    this.#append({ kind: 'file', ...recordOf(module) });
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const module of modules) {
      if (!this.#reported.has(module.id)) this.onTestModuleEnd(module);
    }
    this.#append({ kind: 'end', errors: errors.map(textOf) });
  }

  #append(record: object): void {
    appendFileSync(this.#file, `${JSON.stringify(record)}\n`);
  }
}

function recordOf(module: TestModule): FileRecord {
  // When a beforeAll or afterAll fails, the error is the suite's and its tests only count as skipped.
  const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return {
    file: relative(process.cwd(), module.moduleId),
    errors: suites.flatMap((suite) => suite.errors().map(textOf)),
    tests: Array.from(module.children.allTests(), testRecord),
    seconds: module.diagnostic().duration / 1000,
  };
}

function testRecord(test: TestCase): TestRecord {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return {
    name: test.fullName,
    state: result.state,
    errors: (result.errors ?? []).map(textOf),
    ...(note === undefined ? {} : { note }),
  };
}

/** The stack of a test that ran out of time does not have the message. */
function textOf({
  message = 'unknown error',
  stack,
  diff,
}: SerializedError | (Error & { diff?: string })): string {
  const text = stack?.includes(message) ? stack : [message, stack].join('\n');
  return [text, diff ?? ''].join('\n').trim();
}

function requiredEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} must name the file for the results`);
  return value;
}
