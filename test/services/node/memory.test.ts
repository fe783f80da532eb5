import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EndRule } from '../../../services/net/control/rules.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { Link } from '../../../services/net/link/link.ts';
import { connectSession } from '../../../services/net/session/stream.ts';
import { Circuit } from '../../../services/node/circuit/circuit.ts';
import { StreamFrame } from '../../../services/node/streams/frames.ts';
import { Mux } from '../../../services/node/streams/mux.ts';
import { Switch } from '../../../services/node/switch/switch.ts';
import { scratchFolder } from '../signal/support.ts';
import type { Answer, Request, Usage } from './fixtures/node-rig.ts';
import { frame, openFrame, openStream, RawStreams } from './streams/support.ts';

const MB = 1024 * 1024;

/** A node in a process of its own, and what this process has for a link with it. */
class MeasuredNode {
  readonly #identity = Identity.generate();
  readonly #switch = new Switch();
  readonly #child: ChildProcess;
  #key = '' as PublicKey;
  #labels = 1;

  static async start(): Promise<MeasuredNode> {
    const child = fork(await bundled(), { execArgv: await flagsOfNode() });
    onTestFinished(() => void child.kill());
    const node = new MeasuredNode(child);
    await node.#connect();
    return node;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Ends here of new circuits with the node. */
  async circuits(count: number): Promise<Circuit[]> {
    const rules = Array.from({ length: count }, () => this.#rule(this.#labels++));
    const neighbour = this.#identity.publicKey;
    const theirs = rules.map((rule): EndRule => {
      return { ...rule, peer: neighbour, opener: false, next: { ...rule.next, neighbour } };
    });
    await this.#ask({ rules: theirs });
    return rules.map((rule) => {
      this.#switch.addRule(rule);
      const { circuit: id, peer } = rule;
      const circuit = new Circuit({
        id,
        peer,
        opener: true,
        identity: this.#identity,
        carrier: this.#switch,
      });
      onTestFinished(() => circuit.close('the test is over'));
      circuit.addPath(rule);
      return circuit;
    });
  }

  async usage(): Promise<Usage> {
    const answer = await this.#ask('usage');
    if (typeof answer === 'string' || !('rss' in answer)) throw new Error('no usage');
    return answer;
  }

  #rule(label: number): EndRule {
    const circuit = label.toString(16).padStart(32, '0');
    const next = { neighbour: this.#key, label };
    return { circuit, path: 0, peer: this.#key, opener: true, weight: 1_000, next };
  }

  async #ask(request: Request): Promise<Answer> {
    const answer = once(this.#child, 'message');
    this.#child.send(request);
    const [message] = (await answer) as [Answer];
    return message;
  }

  async #connect(): Promise<void> {
    const [hello] = (await once(this.#child, 'message')) as [Answer];
    if (typeof hello === 'string' || !('key' in hello)) throw new Error('no key');
    this.#key = hello.key as PublicKey;
    const socket = connect({ port: hello.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const session = await connectSession(socket, {
      ...{ identity: this.#identity, purpose: 'link' as const },
      accept: (key) => key === this.#key,
    });
    const link = new Link(socket, session);
    this.#switch.addLink(link);
    onTestFinished(() => link.close('the test is over'));
  }
}

describe('the memory of a node', () => {
  it('stays below 120 MB with 100 circuits and 1,000 idle streams', async () => {
    const node = await MeasuredNode.start();
    const circuits = await node.circuits(100);
    const muxes = circuits.map(
      (circuit) => new Mux(circuit, { incoming: async () => undefined, metered: () => undefined }),
    );
    for (let round = 0; round < 10; round++)
      await Promise.all(
        muxes.map(async (mux) => {
          const stream = await openStream(mux, 'echo');
          stream.write('idle from now on');
          await once(stream, 'data');
        }),
      );
    const { rss, ...counts } = await node.usage();
    expect(counts).toMatchObject({ circuits: 100, streams: 1_000, closed: [] });
    expect(rss / MB).toBeLessThan(120);
  });

  it.each<[string, string, boolean]>([
    ['opened to an app that does not answer', 'silent', false],
    ['opened to an app that takes them', 'echo', false],
    ['opened, and reset before the app has answered', 'silent', true],
  ])('stays below 150 MB when a million streams are %s', async (_, app, reset) => {
    const node = await MeasuredNode.start();
    await openMany(node, 1_000_000, app, reset);
    const { maxRss, closed } = await node.usage();
    expect(closed).toEqual(['the other end opens streams without bounds']);
    expect(maxRss / MB).toBeLessThan(150);
  });

  it('does not grow with streams that come and go', async () => {
    const node = await MeasuredNode.start();
    await openMany(node, 100_000, 'echo', true);
    const before = await node.usage();
    await openMany(node, 200_000, 'echo', true);
    const { maxRss, streams } = await node.usage();
    expect(streams).toBe(0);
    expect((maxRss - before.maxRss) / MB).toBeLessThan(60);
    // 300,000 streams are some half a minute of work, and more beside others.
  }, 300_000);
});

/** Opens streams as fast as they are taken, until the node ends the circuit. */
async function openMany(node: MeasuredNode, count: number, app: string, reset: boolean): Promise<void> {
  const [circuit] = await node.circuits(1);
  if (circuit === undefined) throw new Error('no circuit');
  const raw = new RawStreams(circuit);
  raw.keep = false;
  for (let id = 1; id < 2 * count && !circuit.closed; ) {
    const frames: Buffer[] = [];
    for (; frames.length < 600; id += 2) {
      frames.push(openFrame(id, { app }));
      if (reset) frames.push(frame(StreamFrame.reset, id, 'gone'));
    }
    await raw.send(...frames);
  }
  await raw.writable();
}

/** As one file without types, as a node is run. */
async function bundled(): Promise<string> {
  const outfile = join(await scratchFolder(), 'node-rig.mjs');
  const entryPoints = [resolve(import.meta.dirname, 'fixtures/node-rig.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}

/** Those of the first line of a node's script. */
async function flagsOfNode(): Promise<string[]> {
  const script = await readFile(resolve(import.meta.dirname, '../../../services/node/main.ts'), 'utf8');
  return script
    .slice(0, script.indexOf('\n'))
    .split(' ')
    .filter((word) => word.startsWith('--'));
}
