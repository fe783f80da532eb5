import * as z from 'zod/mini';
import { CAPABILITIES } from './capabilities.ts';
import { DURATION, MAX_DURATION_MS, parseDuration, parseSize, SIZE } from './units.ts';
import { alertEvents, problemOfListen } from './watching.ts';

/** Letters, digits, `.`, `_` and `-`, one letter at least: a name can be told from the id of a launch and is safe in a path. */
export const APP_NAME = /^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
export const MAX_APPS = 256;

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** How viscript tells an app where to register: an app's entry must not be able to redirect it. */
const RESERVED_VARIABLE = /^SIGNAL_/;

const boolean = (text: string) => z.boolean(`must be true or false`).check(z.describe(text));
const words = (text: string) => z.nullable(z.string('must be text')).check(z.describe(text));
const noNul = z.refine<string>((text) => !text.includes('\0'), 'must not contain a NUL character');

/** A scalar of an argument or a variable: the program gets it as it is written, whatever YAML takes it for. */
const scalar = z.union(
  [z.string().check(noNul), z.number(), z.boolean()],
  'must be text, a number, true or false (an empty text is "")',
);

const programArguments = z
  .nullable(
    z.union([z.array(scalar), z.string().check(noNul), z.number(), z.boolean()], {
      error: 'must be a list of arguments, or one argument',
    }),
  )
  .check(z.describe('Arguments of a start that names none: a list, or one argument.'));

const duration = (least: number, text: string) => {
  const wrong = 'must be a duration such as "10s", "1m30s" or "500ms"';
  const range = z.refine<string>(
    (value) => {
      if (!DURATION.test(value)) return true;
      const milliseconds = parseDuration(value);
      return milliseconds >= least && milliseconds <= MAX_DURATION_MS;
    },
    `must be between ${least === 0 ? '0s' : `${least}ms`} and 24h`,
  );
  return z.string(wrong).check(z.regex(DURATION, wrong), range, z.describe(text));
};

const size = (text: string) => {
  const wrong = 'must be a size such as "96M" or "1.5G"';
  const range = z.refine<string>((value) => {
    if (!SIZE.test(value)) return true;
    const bytes = parseSize(value);
    return bytes >= 2 ** 20 && bytes <= 2 ** 50;
  }, 'must be between 1M and 1024T');
  return z.string(wrong).check(z.regex(SIZE, wrong), range, z.describe(text));
};

const healthcheck = z
  .strictObject({
    interval: z.optional(duration(100, 'Time between two checks; 10s when left out.')),
    timeout: z.optional(duration(10, 'Time that an answer may take; 5s when left out.')),
    retries: z.optional(
      z
        .int('must be a whole number')
        .check(
          z.minimum(1, 'must be between 1 and 1000'),
          z.maximum(1_000, 'must be between 1 and 1000'),
          z.describe('Failures in a row that count as a hang; 3 when left out.'),
        ),
    ),
    start_period: z.optional(
      duration(0, 'Failures in this time after a start do not count; 30s when left out.'),
    ),
  })
  .check(z.describe('Pings that find an app that hangs.'));

const limits = z
  .strictObject({
    memory: z.optional(size('Memory the app may use, all of its processes together.')),
    cpus: z.optional(
      z
        .number('must be a number of cores such as 0.5')
        .check(
          z.minimum(0.01, 'must be between 0.01 and 1024'),
          z.maximum(1_024, 'must be between 0.01 and 1024'),
          z.describe('Cores the app may use: 0.5 is half of one.'),
        ),
    ),
    pids: z.optional(
      z
        .int('must be a whole number')
        .check(
          z.minimum(1, 'must be between 1 and 4194304'),
          z.maximum(4_194_304, 'must be between 1 and 4194304'),
          z.describe('Processes and threads the app may have, together.'),
        ),
    ),
    disk: z.optional(size('Room that the files may take which the app keeps; 256M when left out.')),
  })
  .check(z.describe('What the app may use at most.'));

const appName = z.string('must be the name of an app').check(z.regex(APP_NAME, 'must be the name of an app'));

const app = z.strictObject({
  path: z
    .string('must be text: the program to run')
    .check(
      z.minLength(1, 'must not be empty: it names the program to run'),
      noNul,
      z.describe(
        'The program: an absolute path, a path relative to this file (with a slash in it), or the name of an app that comes with viscript or of a program on PATH.',
      ),
    ),
  default_args: z.optional(programArguments),
  args: z.optional(programArguments.check(z.describe('The older name of default_args.'))),
  daemon: z.optional(boolean('The app reads no input.')),
  desc: z.optional(words('One line for the list of apps.')),
  help: z.optional(words('The text of `help APP`.')),
  autostart: z.optional(boolean('Start the app together with viscript.')),
  depends_on: z.optional(
    z
      .nullable(z.array(appName, 'must be a list of apps'))
      .check(z.describe('Apps that must be ready first.')),
  ),
  restart: z.optional(
    z
      .enum(['no', 'on-failure', 'always'], 'must be no, on-failure or always')
      .check(z.describe('When to start it again after it has ended; on-failure when left out.')),
  ),
  stop_grace_period: z.optional(
    duration(0, 'Time between asking the app to stop and killing it; 10s when left out.'),
  ),
  environment: z.optional(
    z
      .nullable(
        z.record(
          z.string().check(
            z.regex(VARIABLE_NAME, 'must be letters, digits and _, and begin with no digit'),
            z.refine(
              (name) => !RESERVED_VARIABLE.test(name),
              'is reserved: viscript sets the SIGNAL_ variables',
            ),
          ),
          z.nullable(scalar),
          'must be a map of variables',
        ),
      )
      .check(z.describe('Variables of the app beside those of viscript.')),
  ),
  healthcheck: z.optional(z.nullable(healthcheck)),
  limits: z.optional(z.nullable(limits)),
  capabilities: z.optional(
    z
      .nullable(z.array(z.enum(CAPABILITIES, 'must be a Linux capability'), 'must be a list of capabilities'))
      .check(z.describe('Linux capabilities that the app has; none when left out.')),
  ),
  mesh: z.optional(boolean("The app may speak to this board's node of the mesh.")),
});

const settings = z
  .strictObject({
    verboseInput: z.optional(boolean('Print key and mouse input.')),
    verifyParsingByPrinting: z.optional(boolean('Print what was read from this file.')),
    runHeadless: z.optional(boolean('Run without a terminal of its own.')),
  })
  .check(z.describe('Settings of viscript itself.'));

const metrics = z
  .strictObject({
    listen: z.optional(
      z.string('must be socket, off, an absolute path, or HOST:PORT').check(
        z.refine(
          (text) => problemOfListen(text) === undefined,
          'must be socket, off, an absolute path, or HOST:PORT',
        ),
        z.describe(
          'Where figures are served: socket (metrics.sock beside the control socket, the default), off, the absolute path of a Unix socket, or HOST:PORT (a PORT alone is on loopback).',
        ),
      ),
    ),
  })
  .check(z.describe('Figures for Prometheus.'));

const alerts = z
  .strictObject({
    command: z.array(scalar, 'must be a list: the program and its arguments').check(
      z.minLength(1, 'must name a program'),
      z.refine(([program]) => program !== '', 'must name a program'),
      z.describe(
        'What is run: the program (an absolute path, one relative to this file, or a name on PATH) and its arguments. No shell.',
      ),
    ),
    timeout: z.optional(duration(100, 'A run that lasts longer is killed; 30s when left out.')),
    events: z.optional(
      z
        .array(z.enum(alertEvents, `must be one of ${alertEvents.join(', ')}`), 'must be a list of events')
        .check(z.describe('What it is run for; everything when left out.')),
    ),
  })
  .check(z.describe('A command that is run when something happens to an app.'));

/** The config file, as it is written. */
export const configFile = z.strictObject({
  apps: z
    .nullable(
      z.record(
        z
          .string()
          .check(
            z.regex(
              APP_NAME,
              "must be at most 64 letters, digits, '.', '_' and '-', with one letter at least",
            ),
          ),
        app,
        'must be a map of apps',
      ),
    )
    .check(z.describe('The apps that viscript can launch, by name.')),
  settings: z.optional(z.nullable(settings)),
  metrics: z.optional(z.nullable(metrics)),
  alerts: z.optional(z.nullable(alerts)),
});

export type ConfigFile = z.infer<typeof configFile>;
export type AppEntry = z.infer<typeof app>;
export type AlertsEntry = z.infer<typeof alerts>;
