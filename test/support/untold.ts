import type { TransitionSink } from '../../src/reconcile/ports.js';

/** Transitions that nobody is told of. */
export const UNTOLD: TransitionSink = { announce: () => Promise.resolve(), confirm: () => undefined };
