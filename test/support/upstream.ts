import { readFileSync } from 'node:fs';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { load } from 'js-yaml';
import * as z from 'zod';

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

/** The API server of a kubeconfig's first cluster, asked in the name of its first user. */
export class Upstream {
  readonly server: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: HttpAgent;

  /** @param maxSockets connections at a time; further requests wait */
  constructor(kubeconfigFile: string, maxSockets: number) {
    const { clusters, users } = kubeconfigSchema.parse(load(readFileSync(kubeconfigFile, 'utf8')));
    const { cluster } = clusters[0] ?? never('no cluster');
    const user = users[0]?.user;
    this.server = new URL(cluster.server);
    this.#headers = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
    this.#agent =
      this.server.protocol === 'http:'
        ? new HttpAgent({ keepAlive: true, maxSockets })
        : new HttpsAgent({
            keepAlive: true,
            maxSockets,
            ca: decode(cluster['certificate-authority-data']),
            cert: decode(user?.['client-certificate-data']),
            key: decode(user?.['client-key-data']),
          });
  }

  /** A request that its caller ends. */
  request(
    path: string,
    { headers, ...options }: Pick<RequestOptions, 'method' | 'headers' | 'signal'>,
  ): ClientRequest {
    const send = this.server.protocol === 'http:' ? httpRequest : httpsRequest;
    return send(new URL(path, this.server), {
      ...options,
      agent: this.#agent,
      headers: { ...(headers as Readonly<Record<string, string>>), ...this.#headers },
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function decode(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}

function never(problem: string): never {
  throw new Error(problem);
}
