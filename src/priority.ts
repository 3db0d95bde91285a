/** `high`: somebody waits for it (a new object, a forced poll, a change). `low`: it is due, or was there at start. */
export type Priority = 'high' | 'low';
