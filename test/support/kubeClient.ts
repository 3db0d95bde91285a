import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { load } from 'js-yaml';
import * as z from 'zod';

const REQUEST_DEADLINE_MS = 60_000;

const kubeconfigSchema = z.object({
  clusters: z
    .array(
      z.object({
        cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string().optional() }),
      }),
    )
    .min(1),
  users: z.array(
    z.object({
      user: z.object({
        token: z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key-data': z.string().optional(),
      }),
    }),
  ),
});

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
  readonly #server: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: HttpAgent;

  constructor(kubeconfigFile: string) {
    const { clusters, users } = kubeconfigSchema.parse(load(readFileSync(kubeconfigFile, 'utf8')));
    const { cluster } = clusters[0] ?? never('no cluster');
    const user = users[0]?.user;
    this.#server = new URL(cluster.server);
    this.#headers = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
    this.#agent =
      this.#server.protocol === 'http:'
        ? new HttpAgent({ keepAlive: true, maxSockets: 16 })
        : new HttpsAgent({
            keepAlive: true,
            maxSockets: 16,
            ca: decode(cluster['certificate-authority-data']),
            cert: decode(user?.['client-certificate-data']),
            key: decode(user?.['client-key-data']),
          });
  }

  get server(): URL {
    return this.#server;
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
      if (response.statusCode !== 200) throw new Error(`the watch was answered ${response.statusCode}`);
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
    this.#agent.destroy();
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
    const send = this.#server.protocol === 'http:' ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const request = send(new URL(path, this.#server), {
        method,
        agent: this.#agent,
        signal,
        headers: {
          ...this.#headers,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
      });
      request.once('response', resolve);
      request.once('error', reject);
      request.end(body);
    });
  }
}

function decode(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}

function never(problem: string): never {
  throw new Error(problem);
}
