import { describe, expect, it } from 'vitest';
import { hasSocat } from './pty.ts';
import { Session } from './session.ts';

describe.skipIf(!hasSocat)('Terminal on a real pty (needs socat)', () => {
  it('runs a typed line and shows its output', async () => {
    await using session = await Session.open({ greeting: 'welcome' });
    expect(session.transcript.text).toMatch(/^welcome\r\n/);
    expect(await session.command("echo Hello 'Big  World'")).toContain('Hello Big  World\r\n');
    expect(session.host.ran).toEqual([['echo', 'Hello', 'Big  World']]);
  });
});
