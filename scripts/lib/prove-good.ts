import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeImage } from '../../image/disk/describe.ts';
import { Ext4Partition } from '../../image/provision/ext4.ts';
import { emptyRecord, type SlotRecord } from '../../services/slots/record.ts';

/** Has a board of this card know its slot A as one that proved good. By itself a board takes more than a minute to be sure. */
export async function proveGood(card: string): Promise<void> {
  const { version } = await describeImage(card);
  const good = { version, confirmed: new Date().toISOString(), installed: undefined };
  const record: SlotRecord = { ...emptyRecord(), slots: { A: good } };
  const scratch = await mkdtemp(join(tmpdir(), 'skyminer-card-'));
  try {
    const data = await Ext4Partition.open(card, 'data', scratch);
    await data.write([
      { path: '/system', mode: 0o755, content: undefined },
      { path: '/system/slots.json', mode: 0o644, content: Buffer.from(JSON.stringify(record)) },
    ]);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
