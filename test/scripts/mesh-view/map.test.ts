import { describe, expect, it } from 'vitest';
import { Canvas } from '../../../scripts/mesh-view/canvas.ts';
import { drawMap, inLadder, type Spot } from '../../../scripts/mesh-view/map.ts';
import { linkName } from '../../../scripts/mesh-view/picture.ts';
import { Rates } from '../../../scripts/mesh-view/rates.ts';
import { linkTable, routeTable } from '../../../scripts/mesh-view/tables.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';

const [a, b, c] = [
  Identity.generate().publicKey,
  Identity.generate().publicKey,
  Identity.generate().publicKey,
];
const names = new Map<PublicKey, string>([
  [a, 'alpha'],
  [b, 'beta'],
  [c, 'gamma'],
]);
const nameOf = (key: PublicKey) => names.get(key) ?? '?';

function link(one: PublicKey, other: PublicKey, sent: [number, number] = [0, 0]) {
  return { ends: [one, other] as const, rtt: 0.0012, loss: 0, sent };
}

describe('a canvas', () => {
  it('draws lines of dots, two by four a character', () => {
    const canvas = new Canvas(4, 1);
    canvas.line([0, 0], [3, 0], 'plain');
    expect(canvas.lines(false)).toEqual(['⠠⠤⠤⠤']);
  });

  it('shows words over lines, whichever came first, and nothing outside of it', () => {
    const canvas = new Canvas(4, 2);
    canvas.text(2, 0, 'words', 'bold');
    canvas.line([0, 0], [9, 0], 'plain');
    canvas.text(-1, 1, 'left', 'plain');
    expect(canvas.lines(false)).toEqual(['⠠⠤wo', 'eft']);
  });

  it('has no escape sequence when it is to be without colours', () => {
    const canvas = new Canvas(3, 1);
    canvas.text(0, 0, 'abc', 'red');
    expect(canvas.lines(false)).toEqual(['abc']);
    expect(canvas.lines(true)[0]).toContain('\x1b[31m');
  });
});

describe('the map of a mesh', () => {
  const spots: Spot[] = inLadder([a, b, c]).map(({ node, x, y }) => ({
    ...{ key: node, label: nameOf(node), x, y },
    state: 'up',
  }));

  it('shows every node, and lines only where there are links', () => {
    const size = { columns: 40, rows: 7 };
    const without = drawMap(spots, { links: [], circuits: [] }, size).lines(false).join('\n');
    const linked = drawMap(spots, { links: [link(a, b), link(b, c)], circuits: [] }, size)
      .lines(false)
      .join('\n');
    for (const name of names.values()) expect(without).toContain(name);
    expect(without).not.toMatch(/[\u2801-\u28ff]/);
    expect(linked).toMatch(/[\u2801-\u28ff]/);
  });

  it('tells the path in use from the warm one by colour', () => {
    const picture = { links: [link(a, b), link(b, c), link(a, c)], circuits: [] };
    const circuits = [
      {
        from: a,
        to: c,
        paths: [
          [a, c],
          [a, b, c],
        ],
      },
    ];
    const lines = (all: typeof circuits) =>
      drawMap(spots, { ...picture, circuits: all }, { columns: 40, rows: 7 })
        .lines(true)
        .join('\n');
    expect(lines([])).not.toContain('\x1b[32m');
    expect(lines(circuits)).toContain('\x1b[32m');
    expect(lines(circuits)).toContain('\x1b[33m');
  });

  it('passes over links and circuits of nodes that it does not know', () => {
    const stranger = Identity.generate().publicKey;
    const picture = {
      links: [link(a, stranger)],
      circuits: [{ from: a, to: stranger, paths: [[a, stranger]] }],
    };
    expect(drawMap(spots, picture, { columns: 40, rows: 7 }).lines(false).join('')).toContain('alpha');
  });
});

describe('rates', () => {
  it('are bytes per second between two pictures, in each direction', () => {
    const rates = new Rates();
    expect(rates.next({ links: [link(a, b, [1000, 50])], circuits: [] }, 0).size).toBe(0);
    const next = rates.next({ links: [link(a, b, [5000, 50])], circuits: [] }, 2000);
    expect(next.get(linkName(b, a))).toEqual([2000, 0]);
  });

  it('are nothing for a node that has started anew, and for a link that was away', () => {
    const rates = new Rates();
    rates.next({ links: [link(a, b, [1000, 1000])], circuits: [] }, 0);
    expect(rates.next({ links: [link(a, b, [10, 2000])], circuits: [] }, 1000).get(linkName(a, b))).toEqual([
      0, 1000,
    ]);
    rates.next({ links: [], circuits: [] }, 2000);
    expect(rates.next({ links: [link(a, b, [9, 9])], circuits: [] }, 3000).size).toBe(0);
  });
});

describe('the tables', () => {
  it('name links with what they carry', () => {
    const picture = { links: [link(c, b, [0, 3 * 1024 * 1024]), link(a, b)], circuits: [] };
    const text = linkTable(picture, new Map([[linkName(b, c), [0, 2048]]]), nameOf);
    expect(text.split('\n')[1]).toMatch(/^alpha – beta +1\.20ms +0 % +– +– +0 B$/);
    expect(text.split('\n')[2]).toMatch(/^beta – gamma +1\.20ms +0 % +2\.0 KiB\/s +– +3\.0 MiB$/);
  });

  it('name the nodes of each path', () => {
    const text = routeTable(
      {
        links: [],
        circuits: [
          {
            from: a,
            to: c,
            paths: [
              [a, c],
              [a, b, c],
            ],
          },
        ],
      },
      nameOf,
    );
    expect(text).toMatch(/alpha – gamma +in use +alpha · gamma\n +warm +alpha · beta · gamma\n/);
  });
});
