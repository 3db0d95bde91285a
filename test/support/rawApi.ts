import { once } from 'node:events';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/clock.js';
import type { Credentials } from '../../src/kube/access/access.js';
import { loadClusterAccess } from '../../src/kube/access/kubeconfig.js';

export type Json = Record<string, unknown>;

export const MERGE = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const APPLY = 'application/apply-patch+yaml';
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** An answer; `body` is what the tests look into, so it is taken for an object of objects. */
export interface RawAnswer {
  readonly code: number;
  // eslint-disable-next-line typescript/no-explicit-any -- tests look deep into answers whose shape is what they test
  readonly body: any;
  readonly headers: IncomingMessage['headers'];
}

export interface WatchEvent {
  readonly type: string;
  readonly object: RawAnswer['body'];
}

/** Requests as they are, with any header, and answers as they are: the API under test without a client in between. */
export class RawApi {
  readonly #server: URL;
  readonly #credentials: Credentials;
  readonly #agent: HttpAgent;

  private constructor(server: URL, credentials: Credentials) {
    this.#server = server;
    this.#credentials = credentials;
    this.#agent =
      server.protocol === 'http:' ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
  }

  static async open(kubeconfigFile: string): Promise<RawApi> {
    const access = await loadClusterAccess(kubeconfigFile, systemClock);
    return new RawApi(access.server, await access.credentials());
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> {
    const response = await this.#send(method, path, body, headers);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    const isJson = String(response.headers['content-type']).startsWith('application/json');
    return {
      code: response.statusCode ?? 0,
      body: isJson ? JSON.parse(text) : text,
      headers: response.headers,
    };
  }

  get(path: string, accept = 'application/json'): Promise<RawAnswer> {
    return this.call('GET', path, undefined, { accept });
  }

  post(path: string, body: unknown): Promise<RawAnswer> {
    return this.call('POST', path, body);
  }

  put(path: string, body: unknown): Promise<RawAnswer> {
    return this.call('PUT', path, body);
  }

  patch(path: string, contentType: string, body: unknown): Promise<RawAnswer> {
    return this.call('PATCH', path, body, { 'content-type': contentType });
  }

  delete(path: string, body?: unknown): Promise<RawAnswer> {
    return this.call('DELETE', path, body);
  }

  /**
   * All events of a watch until the server ends it, or until `enough` says so. `onOpen` runs once the server has
   * begun to answer.
   */
  async watch(
    path: string,
    enough: (events: readonly WatchEvent[]) => boolean = () => false,
    onOpen: () => Promise<void> = async () => {},
    accept = 'application/json',
  ): Promise<WatchEvent[]> {
    const response = await this.#send('GET', path, undefined, { accept });
    const events: WatchEvent[] = [];
    const opened = onOpen();
    for await (const line of createInterface({ input: response })) {
      events.push(JSON.parse(line) as WatchEvent);
      if (enough(events)) break;
    }
    response.destroy();
    await opened;
    return events;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<IncomingMessage> {
    const send = this.#server.protocol === 'http:' ? httpRequest : httpsRequest;
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const request = send(new URL(path, this.#server), {
      ...this.#credentials.tls,
      method,
      agent: this.#agent,
      timeout: 30_000,
      headers: {
        accept: 'application/json',
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...this.#credentials.headers,
        ...headers,
      },
    });
    request.once('timeout', () => request.destroy(new Error(`no answer to ${method} ${path}`)));
    request.end(text);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }
}
