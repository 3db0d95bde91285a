import { Authenticators } from '../../cloud/auth/authenticators.js';
import { JobClient } from '../../cloud/client.js';
import { createHttp } from '../../cloud/http.js';
import { readProxies } from '../../proxy.js';
import type { Flags } from '../flags.js';
import type { Cluster } from '../cluster.js';
import { readOperatorConfig } from '../operatorConfig.js';
import { examine } from '../doctor/examine.js';
import { systemNetwork, type Network } from '../doctor/network.js';
import type { Step } from '../doctor/step.js';
import { stepLines } from '../view/steps.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';

const DOCTOR_EXIT = { healthy: 0, wrong: 1, cannotTell: 2 } as const;
/**
 * Finds the first problem of a CloudJob, and returns the exit code.
 *
 * @throws UsageError for a --config that cannot be used
 */
export async function doctor(
  cluster: Cluster,
  name: string,
  flags: Flags,
  { output, clock, random, signal, env }: CommandContext,
  network: Network = systemNetwork(readProxies(env)),
): Promise<number> {
  const isJSON = flags.output === 'json';
  const config = readOperatorConfig(flags.config);
  const http = createHttp(clock, {
    timeoutMs: config.requestDeadlineSeconds * 1000,
    proxyFor: network.proxyFor,
  });
  const steps: Step[] = [];
  try {
    const patient = {
      cluster,
      name,
      operator: { namespace: flags.operatorNamespace, serviceAccount: flags.operatorServiceAccount },
      config,
      hasConfig: flags.config !== undefined,
      http,
      jobClient: new JobClient(http, clock),
      authenticators: new Authenticators(http, clock, random),
      network,
      clock,
      signal,
      onStep: (step: string): void => {
        if (!isJSON) output.waitFor(step);
      },
    };
    for await (const step of examine(patient)) {
      if (signal.aborted) return EXIT.interrupted;
      steps.push(step);
      if (!isJSON) output.print(stepLines(step, output.columns(), output.paint));
      if (step.kind === 'wrong') break;
    }
  } finally {
    http.close();
    // Also where it ends in the middle of a step.
    output.print([]);
  }
  const verdict = verdictOf(steps);
  if (isJSON) output.print(jsonLines({ namespace: cluster.namespace, name, verdict, steps }));
  else if (verdict !== 'wrong') output.print(['', CLOSING[verdict]]);
  return DOCTOR_EXIT[verdict];
}

const CLOSING = {
  healthy: 'All is well.',
  cannotTell: 'Nothing wrong was found, and not everything could be checked.',
} as const;

function verdictOf(steps: readonly Step[]): keyof typeof DOCTOR_EXIT {
  if (steps.some(({ kind }) => kind === 'wrong')) return 'wrong';
  return steps.every(({ kind }) => kind === 'ok') ? 'healthy' : 'cannotTell';
}
