import * as z from 'zod/mini';
import { BOARD_NAME } from '../../services/net/membership.ts';
import { APP_NAME } from '../../services/viscript/config/file.ts';
import { problemOfCertificates } from './certificates.ts';
import {
  type Problem,
  problemOfArgument,
  problemOfDomain,
  problemOfHost,
  problemOfInterface,
  problemOfIp,
  problemOfKey,
  problemOfListen,
  problemOfMac,
  problemOfManager,
  problemOfSshKey,
} from './fields.ts';

const checked = (problem: Problem) =>
  z.string('must be text').check((given) => {
    const message = problem(given.value);
    if (message !== undefined) given.issues.push({ code: 'custom', input: given.value, message });
  });

const listOf = <T extends z.ZodMiniType>(item: T, most: number) =>
  z.array(item, 'must be a list').check(z.maxLength(most, `must be a list of at most ${most}`));

const network = z.strictObject({
  mac: z.optional(checked(problemOfMac)),
  address: z.optional(checked(problemOfInterface)),
  gateway: z.optional(checked(problemOfIp)),
  dns: z.optional(z.nullable(listOf(checked(problemOfIp), 8))),
  ntp: z.optional(z.nullable(listOf(checked(problemOfHost), 8))),
});

const mesh = z.strictObject({
  rack: checked(problemOfKey),
  manager: checked(problemOfManager),
  listen: z.optional(
    listOf(checked(problemOfListen), 16).check(z.minLength(1, 'must have at least one address')),
  ),
  domain: z.optional(checked(problemOfDomain)),
  members: z.string('must be the signed list of members, as text'),
});

const app = z.strictObject({
  args: z.optional(z.nullable(listOf(checked(problemOfArgument), 256))),
});

const appName = z.string().check(z.regex(APP_NAME, 'must be the name of an app'));

/** A board file, as it is written; what concerns more than one value, and what must not be shown, is judged elsewhere. */
export const boardFile = z.nullable(
  z.strictObject({
    board: z
      .string('must be text')
      .check(z.regex(BOARD_NAME, 'must be a host name: lower-case letters, digits and dashes, at most 63')),
    network: z.optional(z.nullable(network)),
    ssh_keys: z.optional(z.nullable(listOf(checked(problemOfSshKey), 64))),
    console_passphrase: z.optional(z.string('must be text')),
    mesh: z.optional(mesh),
    apps: z.optional(z.nullable(z.record(appName, z.nullable(app), 'must be a map of apps'))),
    update_keys: z.optional(checked(problemOfCertificates)),
    backup_key: z.optional(checked(problemOfKey)),
  }),
);

export type BoardFile = z.infer<typeof boardFile>;
