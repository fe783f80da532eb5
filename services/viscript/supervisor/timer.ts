/** A timer that is late by more than this, in milliseconds, means that the whole process stood still. */
const standstillMs = 1000;

/**
 * Calls back after so many milliseconds in which somebody else was to do something. When this process itself stood
 * still meanwhile (stopped, starved, asleep), what the other did waits unread: then it gets a second more.
 * @returns what stops it
 */
export function startTimer(milliseconds: number, callback: () => void): () => void {
  const due = performance.now() + milliseconds;
  let timer = setTimeout(() => {
    if (performance.now() - due <= standstillMs) callback();
    else timer = setTimeout(callback, standstillMs);
  }, milliseconds);
  return () => clearTimeout(timer);
}
