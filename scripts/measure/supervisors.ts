import type { Births } from './births.ts';
import { MeasureError, residentBytes, timeCommand } from './process.ts';
import type { Row } from './row.ts';
import { IDLE_APPS, PROBE, type SupervisorUnderTest } from './supervisor.ts';

/** What one round tells about one supervisor. */
interface Sample {
  /** Resident memory of the daemon, MB. */
  memory: number;
  /** Milliseconds of wall clock. */
  list: number;
  start: number;
  comeBack: number;
}

export interface SupervisorsOptions {
  ours: SupervisorUnderTest;
  pm2: SupervisorUnderTest;
  supervisord: SupervisorUnderTest;
  births: Births;
  rounds: number;
  progress: (text: string) => void;
}

/**
 * Measures all supervisors side by side, each with ten idle apps: in every round one after the other, and every round
 * begins with another one.
 */
export async function measureSupervisors(options: SupervisorsOptions): Promise<Row[]> {
  const { ours, pm2, supervisord, births, rounds, progress } = options;
  const all = [ours, pm2, supervisord];
  const samples = new Map<SupervisorUnderTest, Sample[]>(all.map((each) => [each, []]));
  await using running = new AsyncDisposableStack();
  for (const each of all) {
    running.defer(() => each.close());
    await each.start();
  }
  // The first round warms files and code up and does not count.
  for (let round = 0; round <= rounds; round++) {
    progress(`supervisors: round ${round} of ${rounds}`);
    for (const each of [...all.slice(round % all.length), ...all.slice(0, round % all.length)]) {
      const sample = await takeSample(each, births);
      if (round > 0) samples.get(each)?.push(sample);
    }
  }

  const values = (each: SupervisorUnderTest, key: keyof Sample) =>
    (samples.get(each) ?? []).map((sample) => sample[key]);
  const row = (key: keyof Sample, rest: Pick<Row, 'what' | 'unit' | 'must' | 'goal'>): Row => ({
    group: 'viscript with 10 idle apps',
    ours: values(ours, key),
    peers: { [pm2.name]: values(pm2, key), [supervisord.name]: values(supervisord, key) },
    ...rest,
  });
  return [
    row('memory', {
      what: 'RSS of the daemon (ours: with its guard)',
      unit: 'MB',
      must: { limit: 60 },
      goal: { limit: 50 },
    }),
    row('list', {
      what: 'list of apps, one command',
      unit: 'ms',
      must: { limit: 0.35, of: pm2.name },
      goal: { limit: 0.2, of: pm2.name },
    }),
    row('start', { what: 'start command → app runs', unit: 'ms' }),
    row('comeBack', {
      what: 'crash → running again, no back-off',
      unit: 'ms',
      must: { limit: 1.5, of: pm2.name },
      goal: { limit: 1, of: pm2.name },
    }),
  ];
}

async function takeSample(supervisor: SupervisorUnderTest, births: Births): Promise<Sample> {
  const sizes = await Promise.all((await supervisor.daemonPids()).map(residentBytes));
  const list = await timeCommand(supervisor.list);
  if (!IDLE_APPS.every((name) => list.stdout.includes(name))) {
    throw new MeasureError(`${supervisor.name} does not list every app: ${list.stdout}`);
  }

  const firstBirth = births.next(PROBE);
  const beforeStart = performance.now();
  const [first] = await Promise.all([firstBirth, timeCommand(supervisor.startProbe)]);
  const secondBirth = births.next(PROBE);
  const beforeCrash = performance.now();
  process.kill(first.pid, 'SIGKILL');
  const second = await secondBirth;
  await supervisor.stopProbe();
  return {
    memory: sizes.reduce((sum, size) => sum + size, 0) / 1e6,
    list: list.ms,
    start: first.at - beforeStart,
    comeBack: second.at - beforeCrash,
  };
}
