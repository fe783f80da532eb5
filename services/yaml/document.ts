import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { InvalidFile, MAX_PROBLEMS, type Problem } from './errors.ts';

export interface Position {
  line: number;
  column: number;
}

/** Keys of maps and indices of lists, from the root. */
export type Path = readonly (string | number)[];

/** A YAML file as plain values, and where each of them stands in the text. */
export interface ReadDocument {
  value: unknown;
  /** Problems of single places, duplicate keys for instance; what could be read is in `value`. */
  problems: Problem[];
  /** Where the value at `path` stands; where there is none, the nearest thing around it. */
  positionOf(path: Path): Position;
  /** Where the last key of `path` stands. */
  positionOfKey(path: Path): Position;
}

/** More than any file of the largest allowed size needs; aliases count as what they stand for. */
const MAX_VALUES = 200_000;
const MAX_DEPTH = 32;

/**
 * Reads one YAML 1.2 document.
 *
 * @param isText tells the paths at which scalars are wanted as they are written, so that `8e3` stays `8e3`.
 * @throws {InvalidFile} when the text is no YAML, or expands beyond all measure.
 */
export function readDocument(text: string, file: string, isText: (path: Path) => boolean): ReadDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    // The parser's own check compares every key with every other one; ours is linear.
    uniqueKeys: false,
    schema: 'core',
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = syntaxProblems(document, (offset, message) => ({ file, ...position(offset), message }));
  if (broken.length > 0) throw new InvalidFile(broken);

  const problems: Problem[] = [];
  const reader = new ValueReader(isText, (offset, message) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ file, ...position(offset), message });
  });
  const value = reader.read(document.contents, []);
  if (reader.tooLarge) throw new InvalidFile(problems);
  return {
    value,
    problems,
    positionOf: (path) => position(reader.find(document.contents, path).value),
    positionOfKey: (path) => position(reader.find(document.contents, path).key),
  };
}

function syntaxProblems(
  document: Document,
  problem: (offset: number, message: string) => Problem,
): Problem[] {
  const errors = [...document.errors, ...document.warnings];
  // The parser descends recursively and gives up where the stack ends; what it says after that has no meaning.
  const tooDeep = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  if (tooDeep !== undefined) return [problem(tooDeep.pos[0], `nested more than ${MAX_DEPTH} levels deep`)];
  if (document.directives?.yaml.version !== '1.2') {
    return [problem(0, 'only YAML 1.2 is read: remove the %YAML directive')];
  }
  return errors.slice(0, MAX_PROBLEMS).map(({ code, pos, message }) => {
    const text = code === 'MULTIPLE_DOCS' ? 'one document only, and a second one starts here' : message;
    return problem(pos[0], `not valid YAML: ${text}`);
  });
}

/** What an anchor stands for: a node still being read cannot be meant by an alias. */
interface Anchor {
  node: unknown;
  values: number;
  open: boolean;
}

/**
 * Turns nodes into plain values in the order of the text, so that an alias means the anchor last seen.
 *
 * INVARIANT: `values` is the number of values that a reader of the result meets, aliases followed.
 */
class ValueReader {
  tooLarge = false;
  private values = 0;
  /** The anchors seen so far, the last of each name. */
  private readonly anchors = new Map<string, Anchor>();
  /** What every alias met so far means: an anchored node is read again for each of its aliases. */
  private readonly targets = new Map<Alias, Anchor>();
  private readonly indices = new WeakMap<YAMLMap, Map<string, Pair>>();
  private expanding = 0;
  private readonly isText: (path: Path) => boolean;
  private readonly report: (offset: number, message: string) => void;

  constructor(isText: (path: Path) => boolean, report: (offset: number, message: string) => void) {
    this.isText = isText;
    this.report = report;
  }

  read(node: unknown, path: Path): unknown {
    if (this.tooLarge) return undefined;
    this.values++;
    if (this.values > MAX_VALUES || path.length > MAX_DEPTH) {
      this.tooLarge = true;
      const limit = path.length > MAX_DEPTH ? `${MAX_DEPTH} levels deep` : `${MAX_VALUES} values`;
      this.report(offsetOf(node), `too much: more than ${limit}, aliases followed`);
      return undefined;
    }
    if (isAlias(node)) return this.readAlias(node, path);
    const name = anchorOf(node);
    if (name === undefined || this.expanding > 0) return this.readNode(node, path);
    const before = this.values;
    const anchor: Anchor = { node, values: 0, open: true };
    this.anchors.set(name, anchor);
    const value = this.readNode(node, path);
    anchor.values = this.values - before;
    anchor.open = false;
    return value;
  }

  /** Offsets of the value at `path` and of its key, or of the nearest ones on the way to it. */
  find(root: unknown, path: Path): { value: number; key: number } {
    let found = { value: offsetOf(root), key: offsetOf(root) };
    let node = root;
    for (const step of path) {
      while (isAlias(node)) node = this.targets.get(node)?.node;
      if (isSeq(node) && typeof step === 'number') {
        node = node.items[step];
        if (node === undefined) return found;
        found = { value: offsetOf(node), key: offsetOf(node) };
      } else if (isMap(node)) {
        const pair = this.index(node).get(String(step));
        if (pair === undefined) return found;
        node = pair.value;
        const key = offsetOf(pair.key);
        // An empty value has no place of its own that helps: `path:` is found at its key.
        found = { key, value: isEmpty(node) ? key : offsetOf(node) };
      } else {
        return found;
      }
    }
    return found;
  }

  private readAlias(alias: Alias, path: Path): unknown {
    const anchor = this.targets.get(alias) ?? this.anchors.get(alias.source);
    if (anchor === undefined) {
      this.report(offsetOf(alias), `alias *${alias.source} has no anchor &${alias.source} before it`);
      return null;
    }
    if (anchor.open) {
      this.report(offsetOf(alias), `alias *${alias.source} stands inside of what it means`);
      return null;
    }
    this.targets.set(alias, anchor);
    // Judged by its known size before it is read again: a bomb of nested aliases ends here.
    if (this.values + anchor.values > MAX_VALUES) {
      this.tooLarge = true;
      this.report(offsetOf(alias), `too much: more than ${MAX_VALUES} values, aliases followed`);
      return null;
    }
    this.expanding++;
    try {
      return this.readNode(anchor.node, path);
    } finally {
      this.expanding--;
    }
  }

  private index(map: YAMLMap): Map<string, Pair> {
    const known = this.indices.get(map);
    if (known !== undefined) return known;
    const index = new Map(map.items.toReversed().map((pair) => [keyText(pair.key), pair]));
    this.indices.set(map, index);
    return index;
  }

  private readNode(node: unknown, path: Path): unknown {
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index]));
    if (isMap(node)) return this.readMap(node.items, path);
    if (isScalar(node)) return scalarValue(node, this.isText(path));
    return null;
  }

  private readMap(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const seen = new Set<string>();
    const result: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = keyText(key);
      const plain = this.read(value, [...path, name]);
      if (seen.has(name)) {
        this.report(offsetOf(key), `key ${JSON.stringify(name)} is given twice`);
      } else if (name === '__proto__') {
        this.report(offsetOf(key), 'key "__proto__" is not allowed');
      } else {
        seen.add(name);
        result[name] = plain;
      }
    }
    return result;
  }
}

/** Plain scalars carry their source; what is quoted is text whatever it looks like. */
function scalarValue(scalar: Scalar, asText: boolean): unknown {
  const { value, source } = scalar;
  if (!asText || value === null || typeof value === 'string') return value;
  return source ?? String(value);
}

function keyText(key: unknown): string {
  if (!isScalar(key)) return '';
  return typeof key.value === 'string' ? key.value : (key.source ?? '');
}

function anchorOf(node: unknown): string | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === '');
}

function offsetOf(node: unknown): number {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}
