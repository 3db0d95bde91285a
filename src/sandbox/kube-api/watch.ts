import type { ServerResponse } from 'node:http';
import type { Clock } from '../../clock.js';
import type { KubeObject } from './json.js';
import { readRevision, selectorOf } from './list.js';
import { isTrue, wholeNumber, type Request } from './request.js';
import { apiVersionOf, serve, type Resource } from './resource.js';
import { expired, forbiddenValue, invalid, type ApiError } from './status.js';
import type { Store, StoreEvent } from './store.js';

/** Seconds that a watch lasts when the client names none. */
const DEFAULT_TIMEOUT_SECONDS = 1800;
const BOOKMARK_INTERVAL_MS = 60_000;
/** A bookmark is sent this long before the end, so that the client resumes close to it. */
const LAST_BOOKMARK_MS = 2_000;
/** A watcher that leaves this number of bytes unread is cut off: it can resume, but the server cannot wait. */
const UNREAD_LIMIT = 4 * 1024 * 1024;

/** How a watch shows an object: plain, as a table of one row, or as metadata. */
export type Presenter = (object: KubeObject) => unknown;

/**
 * Streams the changes after `resourceVersion`; without one, or with 0, first all objects. Ends at `timeoutSeconds`, when
 * the client disconnects, when it reads too slowly, or when the history that it needs is gone.
 *
 * @throws ApiError before anything is written
 */
export function watch(
  store: Store,
  clock: Clock,
  resource: Resource,
  namespace: string | undefined,
  { query }: Request,
  present: Presenter,
  response: ServerResponse,
): void {
  refuseInitialEvents(query);
  const selects = selectorOf(resource, query);
  const text = query.get('resourceVersion') ?? '';
  const from = text === '' ? 0 : readRevision(text);
  const timeoutMs = (wholeNumber(query, 'timeoutSeconds') || DEFAULT_TIMEOUT_SECONDS) * 1000;
  const bookmarks = isTrue(query, 'allowWatchBookmarks');

  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  if (from !== 0 && from < store.oldest) {
    const gone: ApiError = expired(`too old resource version: ${from} (${store.oldest})`);
    response.end(line('ERROR', gone.toStatus()));
    return;
  }
  const send = (type: string, object: unknown): void => {
    response.write(line(type, object));
    if (response.writableLength > UNREAD_LIMIT) response.destroy();
  };
  const relay = (event: StoreEvent): void => {
    if (event.bucket !== resource.bucket || event.revision <= from) return;
    if (namespace !== undefined && event.object.metadata.namespace !== namespace) return;
    const was = event.previous !== undefined && selects(event.previous);
    const is = event.type !== 'DELETED' && selects(event.object);
    if (!was && !is) return;
    const type = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED';
    // An object that leaves the selection is sent in its last matching state, with the new resourceVersion.
    const { resourceVersion } = event.object.metadata;
    const shown =
      is || event.type === 'DELETED' ? event.object : withVersion(event.previous!, resourceVersion!);
    send(type, present(serve(resource, shown)));
  };
  const bookmark = (): void => {
    if (!bookmarks) return;
    const metadata = { resourceVersion: String(store.revision), creationTimestamp: null };
    send('BOOKMARK', { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata });
  };

  if (from === 0) {
    for (const [, stored] of store.list(resource.bucket, namespace)) {
      if (selects(stored)) send('ADDED', present(serve(resource, stored)));
    }
  } else for (const event of store.since(from, resource.bucket)) relay(event);
  const stops = [
    store.subscribe(relay),
    every(clock, BOOKMARK_INTERVAL_MS, bookmark),
    timeoutMs > LAST_BOOKMARK_MS ? clock.schedule(timeoutMs - LAST_BOOKMARK_MS, bookmark) : () => {},
    clock.schedule(timeoutMs, () => response.end()),
  ];
  response.once('close', () => {
    for (const stop of stops) stop();
  });
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function withVersion(object: KubeObject, resourceVersion: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

function every(clock: Clock, ms: number, task: () => void): () => void {
  let cancel = clock.schedule(ms, function again() {
    task();
    cancel = clock.schedule(ms, again);
  });
  return () => cancel();
}

/** Refuses streaming lists like a server without that feature: clients then list and watch. */
function refuseInitialEvents(query: URLSearchParams): void {
  const causes = [];
  if (query.has('sendInitialEvents')) {
    causes.push(
      forbiddenValue(
        'sendInitialEvents',
        'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
      ),
    );
  }
  if (query.has('resourceVersionMatch')) {
    causes.push(forbiddenValue('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch'));
  }
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, causes);
}
