import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineBuffer } from '../../../../services/viscript/terminal/line-buffer.ts';
import { LineView } from '../../../../services/viscript/terminal/line-view.ts';
import { VirtualScreen } from './screen-of.ts';

const PROMPT = 'viscript> ';

type Edit = (buffer: LineBuffer) => unknown;

/** Edits that people make; long text often enough to scroll. */
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'é', '字', 'e\u0301', '<', '>'), maxLength: 30 }).map(
    (text): Edit =>
      (b) =>
        b.insert(text),
  ),
  fc.constantFrom<Edit>(
    (b) => b.moveLeft(),
    (b) => b.moveRight(),
    (b) => b.moveHome(),
    (b) => b.moveEnd(),
    (b) => b.moveWordLeft(),
    (b) => b.deleteLeft(),
    (b) => b.deleteRight(),
    (b) => b.killToEnd(),
    (b) => b.killToStart(),
    (b) => b.yank(),
    (b) => b.transpose(),
    (b) => b.undo(),
  ),
);

describe('LineView', () => {
  it.each([false, true])('shows the text around the cursor after every edit (dumb: %s)', async (dumb) => {
    const cases = fc.asyncProperty(
      fc.array(edits, { maxLength: 25 }),
      fc.integer({ min: 21, max: 60 }),
      async (made, columns) => {
        const screen = new VirtualScreen(columns);
        const view = new LineView(() => columns, dumb);
        const buffer = new LineBuffer(10_000);
        for (const edit of made) {
          edit(buffer);
          const { left, right } = buffer;
          await screen.write(view.draw({ prompt: PROMPT, left, right }));
          check(screen, { left, right });
        }
      },
    );
    await fc.assert(cases, { numRuns: 100 });
  });

  it('keeps the prompt and the cursor in view in a line of a megabyte', async () => {
    const screen = new VirtualScreen(40);
    const view = new LineView(() => 40, false);
    const buffer = new LineBuffer(2 ** 20);
    buffer.insert(`start${'x'.repeat(2 ** 20 - 8)}end`);
    const draw = () => {
      const { text, hidden } = buffer.nearLeft;
      return screen.write(view.draw({ prompt: PROMPT, left: text, right: buffer.right, hidden }));
    };
    await draw();
    expect(screen.cursorRow).toEqual({ before: `${PROMPT}<${'x'.repeat(11)}end`, after: '' });
    buffer.moveHome();
    await draw();
    expect(screen.cursorRow.before).toBe(PROMPT);
    expect(screen.cursorRow.after).toMatch(/^startx+>$/);
  });

  it('never writes more than two rows of bytes for one key', () => {
    const view = new LineView(() => 80, false);
    const buffer = new LineBuffer(2 ** 20);
    for (let n = 0; n < 3000; n += 1) {
      buffer.insert('x');
      expect(view.draw({ prompt: PROMPT, left: buffer.left, right: '' }).length).toBeLessThan(160);
    }
  });
});

function check(screen: VirtualScreen, { left, right }: { left: string; right: string }): void {
  const { before, after } = screen.cursorRow;
  expect(screen.rows.length).toBeLessThanOrEqual(1);
  expect(before.startsWith(PROMPT)).toBe(true);
  const shownLeft = before.slice(PROMPT.length);
  const shownRight = after.trimEnd();
  // Either all of it, or a mark and the part that is next to the cursor.
  expect(shownLeft === left || (shownLeft.startsWith('<') && left.endsWith(shownLeft.slice(1)))).toBe(true);
  expect(
    shownRight === right || (shownRight.endsWith('>') && right.startsWith(shownRight.slice(0, -1))),
  ).toBe(true);
}
