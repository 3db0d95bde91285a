/** Asks again and again, every `everyMs`, until there is a true answer; throws after `deadlineMs`. */
export async function until<T>(
  what: string,
  everyMs: number,
  deadlineMs: number,
  ask: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms for ${what}`);
    await pause(everyMs);
  }
}

/** Lets time pass: what is measured is what happens meanwhile. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
