import { existsSync, readFileSync, watch } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whyEnded } from '../../../../services/viscript/commands/describe.ts';
import { Alerts } from '../../../../services/viscript/supervisor/alerts.ts';
import { inState, isAlive, signalApp, startSupervisor, temporaryFolder, until } from '../support.ts';

/** Commands write into the folder that their first argument names. */
async function withAlerts(command: string, backoff = {}, more = '') {
  const folder = await temporaryFolder();
  const program = join(folder.path, 'tell');
  await writeFile(program, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  const test = await startSupervisor(
    `
apps:
  app: { path: ${signalApp}, daemon: true }
  failing: { path: "false" }
alerts: { command: [${program}, ${folder.path}, "a b", "$HOME"]${more} }
`,
    backoff,
  );
  const alerts = new Alerts({
    ...{ supervisor: test.supervisor, wordsOf: whyEnded },
    log: (line) => test.log.push(line),
  });
  return {
    ...{ test, alerts, folder: folder.path },
    async [Symbol.asyncDispose]() {
      await alerts.close();
      await test[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Resolves with the lines of a file when there are so many that match. */
async function linesOf(
  folder: string,
  name: string,
  enough: (lines: string[]) => boolean,
): Promise<string[]> {
  const file = join(folder, name);
  const read = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
  for await (const _ of changes(folder)) if (enough(read())) break;
  return read();
}

async function* changes(folder: string): AsyncGenerator<void> {
  let changed = Promise.withResolvers<void>();
  const watcher = watch(folder, () => changed.resolve());
  try {
    for (;;) {
      yield;
      await changed.promise;
      changed = Promise.withResolvers<void>();
    }
  } finally {
    watcher.close();
  }
}

const keepEvent = 'cat >> "$1/events"; echo "$VISCRIPT_EVENT $VISCRIPT_APP $2 $3" >> "$1/variables"';

describe('alerts', () => {
  it('tell that an app went down and came back, as JSON, variables and arguments that no shell has seen', async () => {
    await using own = await withAlerts(keepEvent);
    const launch = await own.test.supervisor.launch('app', []);
    await inState(launch, 'ready');
    process.kill(launch.pid ?? 0, 'SIGKILL');
    await until(launch, () => launch.restarts === 1 && launch.state === 'ready');
    const events = (await linesOf(own.folder, 'events', (lines) => lines.length === 2)).map((line) =>
      JSON.parse(line),
    );
    expect(events).toMatchObject([
      { event: 'down', app: 'app', id: launch.id, reason: 'was ended by SIGKILL', count: 1 },
      { event: 'up', app: 'app', id: launch.id, restarts: 1 },
    ]);
    expect(await linesOf(own.folder, 'variables', (lines) => lines.length === 2)).toEqual([
      'down app a b $HOME',
      'up app a b $HOME',
    ]);
  });

  it('tell of a crash loop once, and nothing of an app that a person stops', async () => {
    await using own = await withAlerts(keepEvent, { firstMs: 1, maxMs: 5 });
    const stopped = await own.test.supervisor.launch('app', []);
    await inState(stopped, 'ready');
    await stopped.stop();
    const launch = await own.test.supervisor.launch('failing', []);
    await until(launch, () => launch.restarts >= 15);
    const lines = await linesOf(own.folder, 'events', (all) =>
      all.some((line) => line.includes('crash-loop')),
    );
    expect(lines.map((line) => JSON.parse(line)).map(({ event, app }) => `${event} ${app}`)).toEqual([
      'down failing',
      'crash-loop failing',
    ]);
  });

  it('are for the events that the config names', async () => {
    await using own = await withAlerts(keepEvent, { firstMs: 1, maxMs: 5 }, ', events: [crash-loop]');
    await own.test.supervisor.launch('failing', []);
    const lines = await linesOf(own.folder, 'variables', (all) => all.length > 0);
    expect(lines).toEqual(['crash-loop failing a b $HOME']);
  });

  it('run one command at a time, and what comes meanwhile is told once with its count', async () => {
    const command = `
mkdir "$1/running" || echo twice >> "$1/wrong"
${keepEvent}
while [ ! -e "$1/go" ]; do sleep 0.05; done
rmdir "$1/running"`;
    await using own = await withAlerts(command, { firstMs: 1, maxMs: 1 });
    const launch = await own.test.supervisor.launch('app', []);
    for (let count = 1; count <= 3; count++) {
      await inState(launch, 'ready');
      process.kill(launch.pid ?? 0, 'SIGKILL');
      await until(launch, () => launch.restarts === count);
    }
    await inState(launch, 'ready');
    await writeFile(join(own.folder, 'go'), '');
    const lines = await linesOf(own.folder, 'events', (all) => all.length === 3);
    const told = lines.map((line) => JSON.parse(line)).map(({ event, count }) => `${event} ${count}`);
    expect(told.toSorted()).toEqual(['down 1', 'down 2', 'up 3']);
    expect(existsSync(join(own.folder, 'wrong'))).toBe(false);
  });
});

describe('a command that fails', () => {
  it.each([
    ['exits with an error', 'echo no mail >&2; exit 3', /exited with code 3: no mail/],
    ['takes too long', 'sleep 1000 & echo $! > "$1/child"; wait', /was killed: it took more than 0.3 s/],
    ['does not read its input', 'exec <&-; kill -9 $$', /was ended by SIGKILL/],
    ['writes without end', 'yes error >&2', /was killed: it took more than/],
  ])('because it %s is told in the log, and the supervisor goes on', async (_, command, problem) => {
    await using own = await withAlerts(command, { firstMs: 1_000_000, maxMs: 1_000_000 }, ', timeout: 300ms');
    const logged = Promise.withResolvers<string>();
    const { log } = own.test;
    const push = log.push.bind(log);
    log.push = (line: string) => {
      if (line.startsWith('alert')) logged.resolve(line);
      return push(line);
    };
    const launch = await own.test.supervisor.launch('failing', []);
    await until(launch, () => launch.failures > 0);
    expect(await logged.promise).toMatch(problem);
    const child = join(own.folder, 'child');
    if (existsSync(child)) {
      const pid = Number(readFileSync(child, 'utf8'));
      while (await isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
    }
    const other = await own.test.supervisor.launch('app', []);
    await inState(other, 'ready');
  });
});
