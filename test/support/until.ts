const LOOK_EVERY_MS = 50;

/**
 * Looks again and again until there is something to see, and returns it.
 *
 * @param what completes the sentence "waited for …" when the deadline passes
 * @param look returns undefined or false while there is nothing yet; what it throws is thrown
 * @param deadlineMs milliseconds
 * @param lastSeen tells, for the error, what there was instead
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
  lastSeen: () => string = () => '',
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms for ${what}\n${lastSeen()}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
