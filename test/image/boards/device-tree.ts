/** A device of a flattened device tree that is in use: neither it nor what it sits on is switched off. */
export interface Device {
  path: string;
  compatible: string[];
}

const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const END = 9;

/** The devices in use of a device tree: Devicetree Specification 0.4, chapter 5. */
export function devicesOf(tree: Buffer): Device[] {
  if (tree.readUInt32BE(0) !== 0xd00dfeed) throw new Error('this is no device tree');
  const strings = tree.readUInt32BE(12);
  const devices: Device[] = [];
  const nodes: { path: string; compatible: string[]; off: boolean }[] = [];
  for (let at = tree.readUInt32BE(8); ; ) {
    const token = tree.readUInt32BE(at);
    at += 4;
    const node = nodes.at(-1);
    if (token === BEGIN_NODE) {
      const name = stringAt(tree, at);
      nodes.push({
        path: node === undefined ? '' : `${node.path}/${name}`,
        compatible: [],
        off: node?.off ?? false,
      });
      at = align(at + name.length + 1);
    } else if (token === PROPERTY && node !== undefined) {
      const length = tree.readUInt32BE(at);
      const name = stringAt(tree, strings + tree.readUInt32BE(at + 4));
      const value = tree.toString('latin1', at + 8, at + 8 + length).split('\0');
      if (name === 'compatible') node.compatible = value.filter((text) => text !== '');
      if (name === 'status') node.off ||= !['okay', 'ok'].includes(value[0] ?? '');
      at = align(at + 8 + length);
    } else if (token === END_NODE && node !== undefined) {
      nodes.pop();
      const { path, compatible, off } = node;
      if (!off && compatible.length > 0) devices.push({ path, compatible });
    } else if (token === END) return devices;
  }
}

function stringAt(tree: Buffer, at: number): string {
  return tree.toString('latin1', at, tree.indexOf(0, at));
}

function align(at: number): number {
  return (at + 3) & ~3;
}
