/** Something on the system bus that does what it is asked with root's rights. */
export interface Service {
  destination: string;
  path: string;
  interface: string;
}

/** A method of a service with what it is given. */
export type Ask = [service: Service, member: string, signature: string, ...body: unknown[]];

/** What root would leave behind if one of these were done. */
export const TRACE = '/run/done-by-root';
/** An instance of the template of apps that nobody has launched. */
export const NEVER = 'viscript-app@never.service';

const service = (destination: string, name = ''): Service => ({
  destination,
  path: `/${destination.replaceAll('.', '/')}`,
  interface: `${destination}${name}`,
});
export const systemd = service('org.freedesktop.systemd1', '.Manager');
export const logind = service('org.freedesktop.login1', '.Manager');
export const bus = service('org.freedesktop.DBus');
const hostnamed = service('org.freedesktop.hostname1');
const timedated = service('org.freedesktop.timedate1');
const localed = service('org.freedesktop.locale1');
const networkd = service('org.freedesktop.network1', '.Manager');
const resolved = service('org.freedesktop.resolve1', '.Manager');
const timesyncd = service('org.freedesktop.timesync1', '.Manager');
const rauc: Service = {
  destination: 'de.pengutronix.rauc',
  path: '/',
  interface: 'de.pengutronix.rauc.Installer',
};
const sshUnit = { ...systemd, path: `${systemd.path}/unit/ssh_2eservice` };

export const touch = [['/bin/touch', ['/bin/touch', TRACE], false]];
/** A service that root would run. */
export const rootService = [
  ['User', ['s', 'root']],
  ['Type', ['s', 'oneshot']],
  ['ExecStart', ['a(sasb)', touch]],
];

export const transient = (name: string, others: unknown[] = []): Ask => [
  ...([systemd, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', name, 'replace'] as const),
  ...[rootService, others],
];

const unitJob = (member: string, unit: string, mode = 'replace'): Ask => [systemd, member, 'ss', unit, mode];
const unitFiles = (member: string, signature: string, unit: string, ...flags: unknown[]): Ask => [
  ...([systemd, member, signature] as const),
  ...[[unit], ...flags],
];
const property = (unit: string, name: string, type: string, value: string): Ask => [
  ...([systemd, 'SetUnitProperties', 'sba(sv)'] as const),
  ...[unit, true, [[name, [type, value]]]],
];

/**
 * Everything that the supervisor's user must not have root do: other units than those of apps, other things to them than
 * starting, ending and limiting, and all that is about the board.
 *
 * @param app unit of an app that runs
 * @param link number of a network card
 */
export function refusedAsks(app: string, link: number): Ask[] {
  return [...otherUnits, ...notToApps(app), ...unitsAtLarge, ...board(link)];
}

const otherUnits: Ask[] = [
  transient('evil.service'),
  transient('viscript-app-evil@a.service'),
  transient('viscript-app@.service'),
  transient('viscript-app@a.scope'),
  transient('evil.service', [['viscript-app@a.service', rootService]]),
  unitJob('StartUnit', 'debug-shell.service'),
  unitJob('StartUnit', 'rescue.target'),
  unitJob('StartUnit', 'emergency.target', 'isolate'),
  unitJob('StartUnit', 'viscript-console@ttyAMA0.service'),
  unitJob('StartUnit', 'rescue-shell@ttyS0.service'),
  unitJob('StartUnit', 'slot-good.service'),
  unitJob('StopUnit', 'ssh.service'),
  unitJob('StopUnit', 'viscript.service'),
  unitJob('StopUnit', 'viscript-rescue.socket'),
  unitJob('ReloadUnit', 'ssh.service'),
  unitJob('TryRestartUnit', 'ssh.service'),
  unitJob('ReloadOrRestartUnit', 'ssh.service'),
  [systemd, 'EnqueueUnitJob', 'sss', 'ssh.service', 'stop', 'replace'],
  [{ ...sshUnit, interface: 'org.freedesktop.systemd1.Unit' }, 'Stop', 's', 'replace'],
  [{ ...sshUnit, interface: 'org.freedesktop.systemd1.Unit' }, 'Kill', 'si', 'all', 9],
  [systemd, 'KillUnit', 'ssi', 'init.scope', 'all', 9],
  [systemd, 'KillUnit', 'ssi', 'ssh.service', 'all', 9],
  [systemd, 'QueueSignalUnit', 'ssii', 'ssh.service', 'main', 34, 0],
  [systemd, 'ResetFailedUnit', 's', 'ssh.service'],
  [systemd, 'FreezeUnit', 's', 'ssh.service'],
  property('apps.slice', 'MemoryMax', 't', '1073741824'),
  property('viscript.service', 'MemoryMax', 't', '1073741824'),
  property('system.slice', 'CPUWeight', 't', '1'),
  property('ssh.service', 'IPAddressDeny', 's', 'any'),
];

const notToApps = (app: string): Ask[] => [
  unitJob('RestartUnit', app),
  unitJob('ReloadUnit', app),
  [systemd, 'BindMountUnit', 'sssbb', app, '/data', '/tmp', false, true],
  [systemd, 'MountImageUnit', 'sssbba(ss)', app, '/data/viscript/evil.img', '/tmp', false, true, []],
  [systemd, 'FreezeUnit', 's', app],
  [systemd, 'ThawUnit', 's', app],
  [systemd, 'CleanUnit', 'sas', app, ['all']],
  [systemd, 'CleanUnit', 'sas', NEVER, ['all']],
];

const unitsAtLarge: Ask[] = [
  ...(['Reload', 'Reexecute', 'Exit', 'Reboot', 'PowerOff', 'Halt', 'KExec'] as const).map(
    (member): Ask => [systemd, member, ''],
  ),
  [systemd, 'SoftReboot', 's', ''],
  [systemd, 'SwitchRoot', 'ss', '/data/viscript', '/evil'],
  [systemd, 'ResetFailed', ''],
  [systemd, 'ClearJobs', ''],
  unitFiles('EnableUnitFiles', 'asbb', 'debug-shell.service', true, true),
  unitFiles('EnableUnitFilesWithFlags', 'ast', 'debug-shell.service', '1'),
  unitFiles('DisableUnitFiles', 'asb', 'ssh.service', true),
  unitFiles('LinkUnitFiles', 'asbb', '/data/viscript/evil.service', true, true),
  unitFiles('MaskUnitFiles', 'asbb', 'ssh.service', true, true),
  unitFiles('UnmaskUnitFiles', 'asb', 'ldconfig.service', true),
  unitFiles('PresetUnitFiles', 'asbb', 'ssh.service', true, true),
  unitFiles('RevertUnitFiles', 'as', 'ssh.service'),
  unitFiles('AddDependencyUnitFiles', 'asssbb', 'debug-shell.service', 'ssh.service', 'Wants', true, true),
  [systemd, 'SetDefaultTarget', 'sb', 'rescue.target', true],
  [systemd, 'SetEnvironment', 'as', ['LD_PRELOAD=/data/viscript/evil.so']],
  [systemd, 'UnsetEnvironment', 'as', ['PATH']],
  [systemd, 'UnsetAndSetEnvironment', 'asas', ['PATH'], ['LD_PRELOAD=/data/viscript/evil.so']],
  [systemd, 'SetShowStatus', 's', 'yes'],
  [systemd, 'SetExitCode', 'y', 1],
  [
    { ...systemd, interface: 'org.freedesktop.DBus.Properties' },
    ...(['Set', 'ssv', systemd.interface, 'RuntimeWatchdogUSec', ['t', '0']] as const),
  ],
];

const board = (link: number): Ask[] => [
  [rauc, 'InstallBundle', 'sa{sv}', '/data/update/evil.raucb', []],
  [rauc, 'Mark', 'ss', 'active', 'other'],
  [logind, 'Halt', 'b', false],
  [logind, 'ScheduleShutdown', 'st', 'halt', '9000000000000000'],
  [logind, 'SetRebootParameter', 's', 'evil'],
  [logind, 'SetUserLinger', 'ubb', 0, true, false],
  [logind, 'FlushDevices', 'b', false],
  [logind, 'LockSessions', ''],
  [logind, 'Inhibit', 'ssss', 'shutdown', 'evil', 'evil', 'block'],
  [hostnamed, 'SetHostname', 'sb', 'evil', false],
  [hostnamed, 'SetStaticHostname', 'sb', 'evil', false],
  [hostnamed, 'SetPrettyHostname', 'sb', 'evil', false],
  [timedated, 'SetNTP', 'bb', false, false],
  [localed, 'SetLocale', 'asb', ['LANG=C'], false],
  [networkd, 'Reload', ''],
  [networkd, 'ReconfigureLink', 'i', link],
  [networkd, 'ForceRenewLink', 'i', link],
  [networkd, 'SetLinkNTP', 'ias', link, ['192.0.2.1']],
  [networkd, 'SetLinkDomains', 'ia(sb)', link, [['evil.example', false]]],
  [networkd, 'RevertLinkDNS', 'i', link],
  [timesyncd, 'SetRuntimeNTPServers', 'as', ['192.0.2.1']],
  [bus, 'RequestName', 'su', 'org.freedesktop.hostname1', 4],
  [bus, 'UpdateActivationEnvironment', 'a{ss}', [['LD_PRELOAD', '/data/viscript/evil.so']]],
];

/**
 * What is refused for another reason before anybody looks at who asks, with the name of that reason.
 *
 * @param app unit of an app that runs
 * @param link number of a network card
 */
export function impossibleAsks(app: string, link: number): [Ask, reason: string][] {
  const invalid = 'org.freedesktop.DBus.Error.InvalidArgs';
  const ofNetworkd = 'org.freedesktop.resolve1.LinkBusy';
  return [
    // No unit here delegates its cgroup.
    [[systemd, 'AttachProcessesToUnit', 'ssau', app, '/', [process.pid]], invalid],
    // systemd-timesyncd sets the clock.
    [[timedated, 'SetTime', 'xbb', '0', false, false], 'org.freedesktop.timedate1.AutomaticTimeSyncEnabled'],
    // There are no time zones on the image.
    [[timedated, 'SetTimezone', 'sb', 'Europe/Berlin', false], invalid],
    [[resolved, 'SetLinkDomains', 'ia(sb)', link, [['evil.example', false]]], ofNetworkd],
    [[resolved, 'SetLinkDNSSEC', 'is', link, 'no'], ofNetworkd],
    [[resolved, 'RevertLink', 'i', link], ofNetworkd],
  ];
}

/** What those would have changed. */
export const asBefore: Ask[] = (
  [
    [timedated, timedated.interface, 'Timezone'],
    [resolved, resolved.interface, 'Domains'],
    [resolved, resolved.interface, 'DNSSEC'],
  ] as const
).map(([of, name, property]) => [
  { ...of, interface: 'org.freedesktop.DBus.Properties' },
  ...(['Get', 'ss', name, property] as const),
]);
