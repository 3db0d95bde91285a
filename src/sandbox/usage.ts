import { dump } from 'js-yaml';
import { SANDBOX_PROJECT_ID } from './cce/accounts.js';
import { DEMO_NAMESPACE, sampleManifest } from './samples.js';
import type { Paint } from '../terminal/paint.js';

/** The help for a running sandbox, as lines. */
export function usageLines(kubeconfigPath: string, cceUrl: string, paint: Paint): string[] {
  const manifest = dump(sampleManifest({ name: 'mine', jobID: 'MY-JOB-ID' }));
  return [
    paint.bold('The sandbox is running; Ctrl-C ends it and cleans up. In another terminal:'),
    '',
    `  export KUBECONFIG=${kubeconfigPath}`,
    `  kubectl -n ${DEMO_NAMESPACE} get cjob -w`,
    `  kubectl -n ${DEMO_NAMESPACE} describe cjob add-gpu-node`,
    '',
    paint.bold('Start a random job in the simulated cloud; the reply has its ID:'),
    '',
    `  curl -s ${cceUrl}/_sandbox/jobs/random -d '{"projectID":"${SANDBOX_PROJECT_ID}","seed":42,"durationSeconds":60}'`,
    '',
    paint.bold('Let a CloudJob follow it: kubectl apply -f - with that ID in'),
    '',
    ...manifest
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
    '',
    paint.bold('Make the cloud misbehave, count its requests, list its other controls:'),
    '',
    `  curl -s ${cceUrl}/_sandbox/faults -d '{"kind":"throttle","retryAfter":"float","seconds":20,"times":3}'`,
    `  curl -s ${cceUrl}/_sandbox/counters`,
    `  curl -s ${cceUrl}/_sandbox/`,
    '',
  ];
}
