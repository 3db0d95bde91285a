/**
 * The meaning of a phase. The four documented phases (CCE "reading job progress") are compared without regard to case,
 * like in tolerant clients of the API; any other phase is `unknown` and never ends a job.
 */
export type PhaseClass = 'initializing' | 'running' | 'succeeded' | 'failed' | 'unknown';

const CLASSES: ReadonlyMap<string, PhaseClass> = new Map([
  ['initializing', 'initializing'],
  ['running', 'running'],
  ['success', 'succeeded'],
  ['failed', 'failed'],
]);

export function classifyPhase(phase: string | undefined): PhaseClass {
  return CLASSES.get(phase?.toLowerCase() ?? '') ?? 'unknown';
}

export function isTerminal(phase: string | undefined): boolean {
  const phaseClass = classifyPhase(phase);
  return phaseClass === 'succeeded' || phaseClass === 'failed';
}
