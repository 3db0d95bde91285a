import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '../../clock.js';
import { definitions, namespaces } from './builtins.js';
import { Objects } from './objects.js';
import type { WriteOptions } from './target.js';
import { Registry } from './registry.js';
import { readRequest } from './request.js';
import { route, type Answer } from './router.js';
import { ApiError, PageNotFound } from './status.js';
import { Store } from './store.js';

/** The options of a Kubernetes API. */
export interface KubeApiOptions {
  /** CustomResourceDefinition objects that are served from the start. */
  readonly crds: readonly object[];
  /** Port on 127.0.0.1; 0 (the default): any free one. */
  readonly port?: number;
  readonly clock?: Clock;
  /** The most changes over which a watch can resume. Default 5,000. */
  readonly historyLimit?: number;
}

/** A Kubernetes API in this process. */
export interface KubeApi {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** A kubeconfig for it, as YAML text; anybody on this machine may do everything. */
  readonly kubeconfig: string;
  /** Drops the history of changes: watches and lists that continue from before get a 410. */
  compactHistory(): void;
  /** Cuts all connections and frees the port. */
  close(): Promise<void>;
}

const DEFAULT_HISTORY_LIMIT = 5_000;
/** Longer than clients keep idle connections, so that the clients close them. */
const KEEP_ALIVE_MS = 180_000;
const FIRST_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const SETUP: WriteOptions = { dryRun: false, manager: 'sandbox', fieldValidation: 'Ignore', warn: () => {} };

/** Starts an empty cluster. @throws ApiError for a CRD that cannot be served, an errno error for a port that is taken */
export async function startKubeApi(options: KubeApiOptions): Promise<KubeApi> {
  const store = new Store(options.historyLimit ?? DEFAULT_HISTORY_LIMIT);
  const objects = new Objects(store, new Registry(), options.clock ?? systemClock);
  for (const name of FIRST_NAMESPACES) {
    objects.create({ ...CLUSTER, resource: namespaces }, { metadata: { name } }, SETUP);
  }
  for (const crd of options.crds) objects.create({ ...CLUSTER, resource: definitions }, crd, SETUP);
  // As on a server that has been running for a while: a watch cannot start from the very first version.
  store.compact();
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS },
    (message, response) => void answer(objects, message, response),
  );
  await listen(server, options.port ?? 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    kubeconfig: kubeconfigFor(url),
    compactHistory: () => store.compact(),
    close: () => close(server),
  };
}

const CLUSTER = { namespace: undefined, name: '', subresource: undefined };

async function answer(objects: Objects, message: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const reply = route(objects, await readRequest(message), response);
    if (reply !== undefined) send(response, reply);
  } catch (error) {
    if (response.headersSent || !message.complete) response.destroy();
    else send(response, refusal(error));
  }
}

function refusal(error: unknown): Answer {
  if (error instanceof PageNotFound) return PAGE_NOT_FOUND;
  const problem =
    error instanceof ApiError
      ? error
      : new ApiError(500, 'InternalError', `Internal error occurred: ${String(error)}`);
  return { code: problem.code, contentType: 'application/json', body: problem.toStatus(), warnings: [] };
}

const PAGE_NOT_FOUND: Answer = {
  code: 404,
  contentType: 'text/plain; charset=utf-8',
  body: '404 page not found\n',
  warnings: [],
};

function send(response: ServerResponse, { code, contentType, body, warnings }: Answer): void {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((warning) => `299 - ${JSON.stringify(warning)}`),
    );
  }
  response.writeHead(code, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(text);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function kubeconfigFor(url: string): string {
  return `apiVersion: v1
kind: Config
clusters:
  - name: sandbox
    cluster: { server: '${url}' }
users:
  - name: sandbox
    user: {}
contexts:
  - name: sandbox
    context: { cluster: sandbox, user: sandbox, namespace: default }
current-context: sandbox
`;
}
