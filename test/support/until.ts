const LOOK_EVERY_MS = 50;

/**
 * Calls a function again and again until it returns something, and returns it.
 *
 * @param what completes the sentence "waited for …" when the deadline passes
 * @param get returns undefined or false while there is nothing yet; what it throws is thrown
 * @param deadlineMs milliseconds
 * @param lastSeen says, for the error, what there was instead
 */
export async function until<T>(
  what: string,
  get: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
  lastSeen: () => string = () => '',
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const seen = await get();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms for ${what}\n${lastSeen()}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
