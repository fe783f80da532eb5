/** JSON in which bytes are `{"hex": "…"}`, or undefined when something in it is neither JSON nor bytes. */
export function toCorpus(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return whole(value.map(toCorpus));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => [key, toCorpus(inner)] as const);
    return whole(entries.map(([, inner]) => inner)) && Object.fromEntries(entries);
  }
  const plain = value === null || ['string', 'boolean'].includes(typeof value);
  return plain || Number.isFinite(value) ? value : undefined;
}

/** What {@link toCorpus} was given; bytes come as Buffers. */
export function fromCorpus(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromCorpus);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [only, ...others] = entries;
  if (only?.[0] === 'hex' && others.length === 0) return Buffer.from(String(only[1]), 'hex');
  return Object.fromEntries(entries.map(([key, inner]) => [key, fromCorpus(inner)]));
}

function whole(values: unknown[]): unknown[] | undefined {
  return values.includes(undefined) ? undefined : values;
}
