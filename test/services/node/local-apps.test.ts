import { describe, expect, it } from 'vitest';
import type { Access } from '../../../services/mesh/types.ts';
import { limits } from '../../../services/net/control/messages.ts';
import { Identity } from '../../../services/net/keys.ts';
import type { LocalApp } from '../../../services/node/apps/carrier.ts';
import { LocalApps } from '../../../services/node/local-apps.ts';
import { muxes, Rig } from './rig.ts';
import { openChannel, openStream } from './streams/support.ts';

const [member, stranger] = [Identity.generate().publicKey, Identity.generate().publicKey];

function appOf(name: string, access: Access, taken: string[] = []): LocalApp {
  return {
    ...{ name, type: 'test', access },
    accept: async (stream) => void taken.push(`stream of ${stream.remote.app}`),
    acceptChannel: async (channel) => void taken.push(`channel of ${channel.remote.app}`),
  };
}

describe('the apps at a node', () => {
  it('are no more than the manager can be told of', () => {
    const apps = new LocalApps(() => true);
    for (let count = 0; count < limits.apps; count++) apps.add(appOf(`app${count}`, 'rack'));
    expect(() => apps.add(appOf('more', 'rack'))).toThrow(
      `there are ${limits.apps} apps at this node already`,
    );
    apps.remove('app0');
    apps.add(appOf('more', 'rack'));
  });

  it('have names of their own', () => {
    const apps = new LocalApps(() => true);
    const first = appOf('web', 'rack');
    apps.add(first);
    expect(() => apps.add(appOf('web', 'mesh'))).toThrow(/there is an app web at this node already/);
    expect(apps.all).toEqual([first]);
    expect(apps.remove('web')).toBe(true);
    expect(apps.remove('web')).toBe(false);
    apps.add(appOf('web', 'mesh'));
    expect(apps.get('web')?.access).toBe('mesh');
  });

  it.each<[Access, boolean, boolean]>([
    ['rack', true, false],
    ['mesh', true, true],
    [[stranger], false, true],
    [[], false, false],
  ])('with access %j take a member: %s, another node: %s', (access, ofMember, ofStranger) => {
    const apps = new LocalApps((key) => key === member);
    const app = appOf('web', access);
    expect([member, stranger].map((key) => apps.admits(app, key))).toEqual([ofMember, ofStranger]);
  });

  it('get what is meant for them and whom they accept, and nothing else', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const key = rig.board('a').identity.publicKey;
    const apps = new LocalApps(() => false);
    const taken: string[] = [];
    apps.add(appOf('sink', [key], taken));
    apps.add(appOf('private', 'rack', taken));
    const [mux] = muxes(rig.circuit([['a', 'b']]), (end, opening) => apps.accept(opening, end));
    await openStream(mux);
    await openChannel(mux);
    await expect(openStream(mux, 'private')).rejects.toThrow(/private does not take this node's streams/);
    await expect(openStream(mux, 'nowhere')).rejects.toThrow(/there is no app nowhere at this node/);
    expect(taken).toEqual(['stream of source', 'channel of source']);
  });
});
