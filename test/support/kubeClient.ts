import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { Upstream } from './upstream.js';

const REQUEST_DEADLINE_MS = 60_000;

/** The part of an object, most often a CloudJob, that tests look into. */
export const kubeObjectSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string(),
    generation: z.number().exactOptional(),
  }),
  status: z
    .looseObject({
      observedGeneration: z.number().optional(),
      jobID: z.string().optional(),
      phase: z.string().optional(),
      lastHandledReconcileAt: z.string().optional(),
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), reason: z.string() }))
        .optional(),
    })
    .exactOptional(),
});
export type KubeObject = z.output<typeof kubeObjectSchema>;
export type Status = NonNullable<KubeObject['status']>;

export interface KubeAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The tests' own way to the Kubernetes API: plain requests with the first cluster and user of a kubeconfig. Independent
 * of the operator's client on purpose.
 */
export class KubeClient {
  readonly #upstream: Upstream;

  constructor(kubeconfigFile: string) {
    this.#upstream = new Upstream(kubeconfigFile, 16);
  }

  get server(): URL {
    return this.#upstream.server;
  }

  async get(path: string): Promise<KubeAnswer> {
    return this.#call('GET', path);
  }

  async post(path: string, object: object): Promise<KubeAnswer> {
    return this.#call('POST', path, object);
  }

  async put(path: string, object: object): Promise<KubeAnswer> {
    return this.#call('PUT', path, object);
  }

  async mergePatch(path: string, patch: object): Promise<KubeAnswer> {
    return this.#call('PATCH', path, patch, 'application/merge-patch+json');
  }

  async delete(path: string): Promise<KubeAnswer> {
    return this.#call('DELETE', path);
  }

  /** Calls `onEvent` with each event of a watch until `signal` aborts; returns early when the server ends the watch. */
  async watch(path: string, onEvent: (event: unknown) => void, signal: AbortSignal): Promise<void> {
    try {
      const response = await this.#send('GET', path, undefined, 'application/json', signal);
      if (response.statusCode !== 200) {
        // Its connection is one of few, and busy until somebody has read the answer.
        response.destroy();
        throw new Error(`the watch was answered ${response.statusCode}`);
      }
      let rest = '';
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onEvent(JSON.parse(line));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  close(): void {
    this.#upstream.close();
  }

  async #call(
    method: string,
    path: string,
    object?: object,
    contentType = 'application/json',
  ): Promise<KubeAnswer> {
    const signal = AbortSignal.timeout(REQUEST_DEADLINE_MS);
    const response = await this.#send(
      method,
      path,
      object === undefined ? undefined : JSON.stringify(object),
      contentType,
      signal,
    );
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    const json = String(response.headers['content-type']).startsWith('application/json');
    return { status: response.statusCode ?? 0, body: json ? JSON.parse(text) : text };
  }

  #send(
    method: string,
    path: string,
    body: string | undefined,
    contentType: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.#upstream.request(path, {
        method,
        signal,
        headers: {
          accept: 'application/json',
          // A person's tool: the API server notes it down, and the operator goes by it.
          'user-agent': 'kubectl/tests',
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
      });
      request.once('response', resolve);
      request.once('error', reject);
      request.end(body);
    });
  }
}
