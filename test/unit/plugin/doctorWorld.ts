import { cloudJobCrd } from '../../../src/api/crd.js';
import type { CloudError } from '../../../src/cloud/errors.js';
import type { Http } from '../../../src/cloud/http.js';
import type { JobAnswer } from '../../../src/cloud/client.js';
import { Regions } from '../../../src/cloud/regions.js';
import { KubeClient } from '../../../src/kube/client.js';
import { fromResponse, KubeError } from '../../../src/kube/errors.js';
import type { HttpTransport, KubeRequest } from '../../../src/kube/transport.js';
import { examine } from '../../../src/plugin/doctor/examine.js';
import type { Network } from '../../../src/plugin/doctor/network.js';
import type { Step } from '../../../src/plugin/doctor/step.js';
import { after, cloudJob, job, read } from '../../support/cloudJobs.js';
import { FakeClock } from '../../support/fakeClock.js';
import { NOW } from './support.js';

export const CANARY = 'canary-token-that-must-not-be-shown';
const JOBS = '/apis/cloudjob.dev/v1alpha1/namespaces/infra/cloudjobs';

/** A chain from a person to a job in which all is well; a test breaks one link. */
export class DoctorWorld {
  readonly clock = new FakeClock(NOW);
  /** By path; an error is thrown, a function is called. */
  readonly api: Record<string, unknown> = {
    '/version': { gitVersion: 'v1.32.0' },
    '/apis/cloudjob.dev': { versions: [{ version: 'v1alpha1' }] },
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cloudjobs.cloudjob.dev': named(cloudJobCrd()),
    [`${JOBS}/scale-up`]: named(after(cloudJob(), read('Running'))),
    '/apis/coordination.k8s.io/v1/namespaces/cloudjob-system/leases/cloudjob-operator': () =>
      named({ spec: { holderIdentity: 'pod-1', renewTime: this.clock.now(), leaseDurationSeconds: 15 } }),
    '/api/v1/namespaces/infra/secrets/cce': named({ data: { token: base64(CANARY) } }),
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': { status: { allowed: true } },
    '/apis/authorization.k8s.io/v1/subjectaccessreviews': { status: { allowed: true } },
  };
  network: Network = {
    proxyFor: () => undefined,
    resolve: () => Promise.resolve(['192.0.2.1']),
    handshake: () => Promise.resolve({ validTo: 'Jan  1 00:00:00 2030 GMT' }),
  };
  cloudTime: number | undefined = NOW;
  observation: JobAnswer = { kind: 'job', job: job('Running') };
  /** Every URL and host that was asked for anything. */
  readonly asked: string[] = [];
  /** The steps that were said to begin. */
  readonly begun: string[] = [];

  set cloudJob(object: object) {
    this.api[`${JOBS}/scale-up`] = named(object);
  }

  cloudSays(error: CloudError): void {
    this.observation = { kind: 'error', error };
  }

  /** All steps up to the first that is wrong; time passes by itself. */
  async steps(hasConfig = false): Promise<Step[]> {
    const transport = {
      request: (request: KubeRequest) => this.#answer(request),
    } as unknown as HttpTransport;
    const { clock } = this;
    const patient = {
      cluster: {
        client: new KubeClient({ transport, clock, random: () => 0.5 }),
        transport,
        namespace: 'infra',
      },
      name: 'scale-up',
      operator: { namespace: 'cloudjob-system', serviceAccount: 'cloudjob-operator' },
      config: { regions: new Regions(), defaultRegion: undefined },
      hasConfig,
      http: this.#http(),
      jobClient: {
        read: (target: { readonly region: { readonly cce: string } }) => {
          this.asked.push(target.region.cce);
          return Promise.resolve(this.observation);
        },
      },
      authenticators: {
        of: () => ({ fingerprint: '', signs: false, headers: () => Promise.reject(new Error()) }),
      },
      network: this.#recorded(),
      clock,
      signal: new AbortController().signal,
      onStep: (name: string) => void this.begun.push(name),
    };
    const steps: Step[] = [];
    const chain = examine(patient);
    for (;;) {
      const { value, done } = await this.#inTime(chain.next());
      if (done === true) return steps;
      steps.push(value);
      if (value.kind === 'wrong') return steps;
    }
  }

  /** Lets time pass until the promise settles. */
  async #inTime<T>(promise: Promise<T>): Promise<T> {
    const passing = { ends: false };
    const ended = promise.finally(() => {
      passing.ends = true;
    });
    while (!passing.ends) await this.clock.advance(1000);
    return ended;
  }

  async #answer({ path }: KubeRequest): Promise<unknown> {
    const answer = this.api[path];
    // For what it does not serve an API server answers without a Status.
    const gone = path.split('/').length > 3 ? { kind: 'Status', reason: 'NotFound' } : undefined;
    if (answer === undefined) throw fromResponse(404, path, gone);
    if (answer instanceof KubeError) throw answer;
    return typeof answer === 'function' ? (answer as () => unknown)() : answer;
  }

  #http(): Http {
    return {
      send: ({ url }) => {
        this.asked.push(url.href.replace(/\/$/, ''));
        const date = this.cloudTime === undefined ? {} : { date: new Date(this.cloudTime).toUTCString() };
        return Promise.resolve({ kind: 'answer', status: 404, headers: date, body: '' });
      },
      close: () => undefined,
    };
  }

  #recorded(): Network {
    return {
      proxyFor: (url) => this.network.proxyFor(url),
      resolve: (host) => {
        this.asked.push(host);
        return this.network.resolve(host);
      },
      handshake: (url, signal) => {
        this.asked.push(`${url.hostname}:${url.port || 443}`);
        return this.network.handshake(url, signal);
      },
    };
  }
}

export function forbidden(): KubeError {
  return fromResponse(403, 'GET x', { kind: 'Status', reason: 'Forbidden', message: 'you may not' });
}

/** As the API serves it. */
export function named(object: object): object {
  const { metadata } = object as { readonly metadata?: object };
  return { ...object, metadata: { name: 'x', uid: 'u', resourceVersion: '1', ...metadata } };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
