/** `high`: somebody waits for it (a new object, a forced poll, a change). `low`: it is due, or existed at the start. */
export type Priority = 'high' | 'low';
