import type { Clock } from '../clock.js';
import { isLocal, isTooManyRequests, KubeError, localError } from './errors.js';
import { isRecord } from '../json.js';
import { asObject } from './object.js';
import type { KubeObject, ObjectRef, ResourceType } from './object.js';
import type { KubeRequest, Transport } from './transport.js';
import { readWatchEvents } from './watch.js';
import type { WatchEvent } from './watch.js';
import { sleep } from '../signals.js';
import { Slots } from '../slots.js';

export interface ListOptions {
  /** All namespaces if left out. */
  readonly namespace?: string | undefined;
  /** For example `metadata.name=a`. */
  readonly fieldSelector?: string | undefined;
  /** For example `team=a,stage!=test`. */
  readonly labelSelector?: string | undefined;
  /** Objects per page. */
  readonly limit?: number;
  /** From the previous page. */
  readonly continueToken?: string;
}

export interface ObjectPage {
  readonly items: readonly KubeObject[];
  /** The version of the whole list: a watch starts there. */
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string;
  /** The page size now: smaller than requested if the objects are long. */
  readonly limit: number;
}

export interface WatchOptions {
  /** All namespaces if left out. */
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion: string;
  /** The server ends the watch after this. */
  readonly timeoutSeconds: number;
  /** Called for each piece of data that arrives, whatever is in it. */
  readonly onBytes?: () => void;
}

/** The answer to a write. */
export type Stored = Pick<KubeObject, 'metadata'>;

/** The delete fails with a conflict if the object is no longer this one, so it never hits a newer one of the same name. */
export interface Preconditions {
  readonly uid: string;
  readonly resourceVersion?: string;
}

export interface KubeClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Returns 0 up to, not including, 1. */
  readonly random: () => number;
}

/** Objects per page of a list: a page of 500 CloudJobs makes 20 MB of short-lived objects at once. */
export const PAGE_SIZE = 100;
/** The longest page of more than one object, in bytes. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
/**
 * Requests only the metadata of the stored object as answer to a write: the caller knows the rest, and a full answer costs
 * both sides time. A server that does not know this form answers with the whole object.
 */
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
/** How often a request waits after a 429 before the 429 is thrown. */
const MAX_WAITS = 5;
/** A 429 with a longer `Retry-After` than this, in milliseconds, is thrown at once. */
const LONGEST_WAIT_MS = 30_000;

/**
 * The Kubernetes API's verbs for any type. After a 429 (priority and fairness) a request waits and is sent again, up to
 * five times with up to 30 s each; then the 429 is thrown. Methods throw only `KubeError`.
 */
export class KubeClient {
  /** One line of more than 256 KiB at a time, over the watches of all namespaces. */
  readonly #longLines = new Slots(1);

  constructor(private readonly options: KubeClientOptions) {}

  async get(type: ResourceType, ref: ObjectRef, signal: AbortSignal): Promise<KubeObject> {
    return this.#object({ method: 'GET', path: objectPath(type, ref) }, signal);
  }

  /**
   * One page, read from the API's storage, not from a cache that may lag behind it. If a page has more than 4 MiB, it is
   * read again with a quarter of the objects.
   */
  async list(type: ResourceType, options: ListOptions, signal: AbortSignal): Promise<ObjectPage> {
    const path = collectionPath(type, options.namespace);
    const { limit = PAGE_SIZE } = options;
    const query = new URLSearchParams({ limit: String(limit) });
    if (options.continueToken !== undefined) query.set('continue', options.continueToken);
    if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
    if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
    const maxBytes = limit === 1 ? {} : { maxBytes: MAX_PAGE_BYTES };
    try {
      const body = await this.#request({ method: 'GET', path, query, ...maxBytes }, signal);
      return { ...readPage(body, `GET ${path}`), limit };
    } catch (error) {
      if (limit === 1 || !isLocal(error, 'ResponseTooLarge')) throw error;
      return this.list(type, { ...options, limit: Math.ceil(limit / 4) }, signal);
    }
  }

  /**
   * Changes after `resourceVersion`, bookmarks included. The generator ends when the server ends the watch. A 429
   * is thrown at once: the caller must restart a watch after any failure anyway.
   */
  async watch(
    type: ResourceType,
    options: WatchOptions,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<WatchEvent>> {
    const path = collectionPath(type, options.namespace);
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    });
    if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
    const chunks = await this.options.transport.stream({ method: 'GET', path, query }, signal);
    const reading = { what: `watch ${path}`, slots: this.#longLines, onBytes: options.onBytes };
    return readWatchEvents(chunks, reading, signal);
  }

  async create(
    type: ResourceType,
    namespace: string | undefined,
    body: unknown,
    signal: AbortSignal,
  ): Promise<Stored> {
    return this.#write({ method: 'POST', path: collectionPath(type, namespace), body }, signal);
  }

  /**
   * RFC 7396. With `metadata.resourceVersion` in the patch, a change by others since that version is a conflict
   * (409) and nothing is written; without it, the last writer wins.
   */
  async mergePatch(
    type: ResourceType,
    ref: ObjectRef,
    patch: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Stored> {
    const path = objectPath(type, ref);
    const contentType = 'application/merge-patch+json';
    return this.#write({ method: 'PATCH', path, body: patch, contentType }, signal);
  }

  /**
   * Replaces the status by that of `body`, which costs the server less than a patch. With `metadata.resourceVersion`, a change by
   * others since that version is a conflict (409); with `metadata.uid`, so is another object of the same name. Then nothing is
   * written. The status of a custom resource cannot be replaced without the version.
   */
  async updateStatus(
    type: ResourceType,
    ref: ObjectRef,
    body: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Stored> {
    const path = `${objectPath(type, ref)}/status`;
    // The operator does not read warnings about unknown fields, so the server need not check for them.
    const query = new URLSearchParams({ fieldValidation: 'Ignore' });
    return this.#write({ method: 'PUT', path, query, body }, signal);
  }

  /**
   * Server-side apply: `fieldManager` becomes an owner of the status fields of `body`, beside their present owners. A change to
   * another owner's field is a conflict (409), and so is another `metadata.resourceVersion` or `metadata.uid`.
   */
  async applyStatus(
    type: ResourceType,
    ref: ObjectRef,
    body: Readonly<Record<string, unknown>>,
    fieldManager: string,
    signal: AbortSignal,
  ): Promise<Stored> {
    const path = `${objectPath(type, ref)}/status`;
    const query = new URLSearchParams({ fieldManager });
    const contentType = 'application/apply-patch+yaml';
    return this.#write({ method: 'PATCH', path, query, body, contentType }, signal);
  }

  /** Requests deletion; finalizers may still hold the object. */
  async delete(
    type: ResourceType,
    ref: ObjectRef,
    preconditions: Preconditions,
    signal: AbortSignal,
  ): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    await this.#request({ method: 'DELETE', path: objectPath(type, ref), body }, signal);
  }

  #write(request: KubeRequest, signal: AbortSignal): Promise<Stored> {
    return this.#object({ ...request, accept: METADATA }, signal);
  }

  async #object(request: KubeRequest, signal: AbortSignal): Promise<KubeObject> {
    return asObject(await this.#request(request, signal), `${request.method} ${request.path}`);
  }

  #request(request: KubeRequest, signal: AbortSignal): Promise<unknown> {
    return this.#waitOut429(() => this.options.transport.request(request, signal), signal);
  }

  /** The server did not carry out a request that it answered with 429, so any request may be sent again. */
  async #waitOut429<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random } = this.options;
    for (let waits = 0; ; waits += 1) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof KubeError) || !isTooManyRequests(error)) throw error;
        const wait = error.retryAfterMs ?? 1000;
        if (waits >= MAX_WAITS || wait > LONGEST_WAIT_MS) throw error;
        // All refused clients got the same number of whole seconds, so the wait gets jitter.
        await sleep(clock, wait * (1 + random() / 4), signal);
        if (signal.aborted) throw localError('Canceled', 'canceled while waiting after a 429');
      }
    }
  }
}

function collectionPath({ group, version, plural, namespaced }: ResourceType, namespace?: string): string {
  const root = group === '' ? '/api' : `/apis/${segment(group)}`;
  const scope = namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}/${segment(version)}${scope}/${segment(plural)}`;
}

function objectPath(type: ResourceType, { namespace, name }: ObjectRef): string {
  if (type.namespaced && namespace === undefined) {
    throw localError('InvalidRequest', `${type.plural} "${name}": a namespace is required`);
  }
  return `${collectionPath(type, namespace)}/${segment(name)}`;
}

/** The names that Kubernetes allows in a path; an empty one would address the whole collection. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/%]/.test(text)) {
    throw localError(
      'InvalidRequest',
      `"${text}" cannot be part of an API path: it is empty, "." or "..", or has "/" or "%"`,
    );
  }
  return encodeURIComponent(text);
}

function readPage(body: unknown, what: string): Omit<ObjectPage, 'limit'> {
  const metadata = isRecord(body) ? body['metadata'] : undefined;
  const items = isRecord(body) ? (body['items'] ?? []) : undefined;
  if (!isRecord(metadata) || typeof metadata['resourceVersion'] !== 'string' || !Array.isArray(items)) {
    throw localError('MalformedResponse', `${what}: the answer is not a list`);
  }
  const token = metadata['continue'];
  return {
    items: items.map((item) => asObject(item, what)),
    resourceVersion: metadata['resourceVersion'],
    ...(typeof token === 'string' && token !== '' ? { continueToken: token } : {}),
  };
}
