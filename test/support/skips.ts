import { describe, it } from '@jest/globals';
import { hasKubectl } from './kubectl.js';

/** The kubeconfig of a real API server that the suites are to run on; without one they run on the embedded API. */
export const realKubeconfig = process.env['CLOUDJOB_TEST_KUBECONFIG'];

/** `it`, or a skipped test whose name says why. */
export function itWhen(condition: boolean, otherwise: string) {
  return (name: string, body: () => Promise<void>): void => {
    if (condition) it(name, body);
    else it.skip(`${name} (skipped: ${otherwise})`, body);
  };
}

/** A suite that needs the real kubectl. */
export function describeWithKubectl(name: string, body: () => void): void {
  describeWhen(hasKubectl, 'kubectl is not installed')(name, body);
}

/** `describe`, or a skipped suite whose name says why. */
export function describeWhen(condition: boolean, otherwise: string) {
  return (name: string, body: () => void): void => {
    if (condition) describe(name, body);
    else describe.skip(`${name} (skipped: ${otherwise})`, body);
  };
}
