/**
 * A priority queue of whole numbers: a binary heap (Williams 1964). The lowest priority comes out first, and of items
 * of the same priority the smallest, so that the order does not depend on how they came in.
 */
export class Heap {
  #priorities = new Float64Array(256);
  #items = new Int32Array(256);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The priority of the item that comes out next. Infinity when there is none. */
  get lowest(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#priorities[0] as number);
  }

  clear(): void {
    this.#size = 0;
  }

  /** @param item from 0 up to 2³¹ - 1. May be in the heap several times. */
  push(priority: number, item: number): void {
    if (this.#size === this.#items.length) this.#grow();
    const priorities = this.#priorities;
    const items = this.#items;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = priorities[parent] as number;
      if (above < priority || (above === priority && (items[parent] as number) <= item)) break;
      priorities[at] = above;
      items[at] = items[parent] as number;
      at = parent;
    }
    priorities[at] = priority;
    items[at] = item;
  }

  /** Takes out the item that comes first. The heap must not be empty. */
  pop(): number {
    const priorities = this.#priorities;
    const items = this.#items;
    const first = items[0] as number;
    const size = --this.#size;
    const priority = priorities[size] as number;
    const item = items[size] as number;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1;
      if (right < size && comesFirst(priorities, items, right, child)) child = right;
      const below = priorities[child] as number;
      if (priority < below || (priority === below && item <= (items[child] as number))) break;
      priorities[at] = below;
      items[at] = items[child] as number;
      at = child;
    }
    priorities[at] = priority;
    items[at] = item;
    return first;
  }

  #grow(): void {
    const priorities = new Float64Array(2 * this.#size);
    priorities.set(this.#priorities);
    this.#priorities = priorities;
    const items = new Int32Array(2 * this.#size);
    items.set(this.#items);
    this.#items = items;
  }
}

function comesFirst(priorities: Float64Array, items: Int32Array, one: number, other: number): boolean {
  const priority = priorities[one] as number;
  const against = priorities[other] as number;
  return priority < against || (priority === against && (items[one] as number) < (items[other] as number));
}
