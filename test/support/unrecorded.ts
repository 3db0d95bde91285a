import type { TransitionRecorder } from '../../src/reconcile/ports.js';

/** Transitions are recorded nowhere. */
export const UNRECORDED: TransitionRecorder = { record: () => Promise.resolve(), commit: () => undefined };
