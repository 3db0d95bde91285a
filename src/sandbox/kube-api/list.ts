import { isObject, parseJson, type JsonObject, type KubeObject } from './json.js';
import { wholeNumber, type Request } from './request.js';
import { selectableFields, selectableNames, serve, type Resource } from './resource.js';
import { fieldSelector, labelSelector } from './selectors.js';
import { ApiError, badRequest, expired, forbiddenValue, invalid } from './status.js';
import type { Store } from './store.js';

/** The objects of a list request, and the list's metadata. */
export interface Page {
  readonly objects: readonly KubeObject[];
  readonly metadata: JsonObject;
}

/** Which stored objects a request selects. @throws ApiError 400 */
export function selectorOf(resource: Resource, query: URLSearchParams): (stored: KubeObject) => boolean {
  const labels = labelSelector(query.get('labelSelector'));
  const fields = fieldSelector(query.get('fieldSelector'), selectableNames(resource));
  return (stored) => labels(stored.metadata.labels ?? {}) && fields(selectableFields(resource, stored));
}

/**
 * Lists with `limit`, `continue`, selectors, and `resourceVersion` like a real API server: none or 0 is the current state,
 * so is any other (not older than that); with `resourceVersionMatch=Exact` it is exactly that state.
 *
 * @throws ApiError 400; 410 for a state that is no longer kept; 504 for a resourceVersion of the future
 */
export function list(
  store: Store,
  resource: Resource,
  namespace: string | undefined,
  { query }: Request,
): Page {
  const selects = selectorOf(resource, query);
  const limit = wholeNumber(query, 'limit') ?? 0;
  const token = query.get('continue') ? readToken(query.get('continue')!) : undefined;
  const revision = token?.rv ?? listRevision(store, query);
  if (token !== undefined && !['', '0', null].includes(query.get('resourceVersion'))) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (revision < store.oldest) {
    throw expired(
      token === undefined
        ? 'The resourceVersion for the provided list is too old.'
        : 'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    );
  }
  const all = store
    .listAt(revision, resource.bucket, namespace)
    .filter(([key, stored]) => (token === undefined || key > token.start) && selects(stored));
  const page = limit > 0 ? all.slice(0, limit) : all;
  const rest = all.length - page.length;
  const plain = !query.get('labelSelector') && !query.get('fieldSelector');
  return {
    objects: page.map(([, stored]) => serve(resource, stored)),
    metadata: {
      continue: rest === 0 ? '' : makeToken(revision, page.at(-1)![0]),
      ...(rest > 0 && plain ? { remainingItemCount: rest } : {}),
      resourceVersion: String(revision),
    },
  };
}

function listRevision(store: Store, query: URLSearchParams): number {
  const wanted = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  if (match !== '' && wanted === '') {
    throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, [
      forbiddenValue(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden unless resourceVersion is provided',
      ),
    ]);
  }
  if (wanted === '' || wanted === '0') return store.revision;
  const revision = readRevision(wanted);
  if (revision > store.revision) {
    throw new ApiError(
      504,
      'Timeout',
      `Timeout: Too large resource version: ${revision}, current: ${store.revision}`,
      {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    );
  }
  return match === 'Exact' ? revision : store.revision;
}

/** @throws ApiError 400 */
export function readRevision(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function makeToken(rv: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start })).toString('base64url');
}

function readToken(text: string): { rv: number; start: string } {
  try {
    const token = parseJson(Buffer.from(text, 'base64url').toString('utf8'));
    if (isObject(token) && typeof token['rv'] === 'number' && typeof token['start'] === 'string') {
      return { rv: token['rv'], start: token['start'] };
    }
  } catch {
    // It is not a token of this server.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}
