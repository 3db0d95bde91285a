import { KubeError } from '../../../src/kube/errors.js';
import { onAbort } from '../../../src/signals.js';
import type { KubeObject, ObjectRef, ResourceType } from '../../../src/kube/object.js';

/** How the API server treats one replica: answers, fails, never answers, or does it and never answers. */
export type Network = 'good' | 'failing' | 'hanging' | 'deaf';

type Fields = Readonly<Record<string, unknown>>;

/** The Leases of an API server. */
export class LeaseServer {
  readonly leases = new Map<string, KubeObject>();
  /** The bodies of all writes, oldest first. */
  readonly writes: unknown[] = [];
  #version = 0;

  /** The only Lease that there is. */
  get lease(): KubeObject | undefined {
    return [...this.leases.values()][0];
  }

  get spec(): Fields {
    return (this.lease?.['spec'] ?? {}) as Fields;
  }

  /** Who holds which Lease, by its name. */
  get holders(): ReadonlyMap<string, unknown> {
    return new Map(
      [...this.leases].map(([name, { spec }]) => [name, (spec as Fields)['holderIdentity']] as const),
    );
  }

  store(spec: Fields, name = 'operator', annotations: Fields = {}): KubeObject {
    this.#version += 1;
    const before = this.leases.get(name);
    const merged = { ...(before?.metadata['annotations'] as Fields | undefined), ...annotations };
    const lease = {
      metadata: {
        namespace: 'ops',
        name,
        uid: name,
        resourceVersion: String(this.#version),
        annotations: Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)),
      },
      spec: { ...(before?.['spec'] as Fields | undefined), ...spec },
    };
    this.leases.set(name, lease);
    return lease;
  }
}

/** The API server as one replica reaches it. */
export class LeaseClient {
  network: Network = 'good';

  constructor(private readonly server: LeaseServer) {}

  get = (_type: ResourceType, { name }: ObjectRef, signal: AbortSignal): Promise<KubeObject> =>
    this.#answer(signal, () => {
      const lease = this.server.leases.get(name);
      if (lease === undefined) throw new KubeError(404, 'NotFound', 'no such lease');
      return lease;
    });

  create = (_type: ResourceType, _namespace: string | undefined, body: unknown, signal: AbortSignal) =>
    this.#answer(signal, () => {
      this.server.writes.push(body);
      const { metadata, spec } = body as {
        readonly metadata: { readonly name: string; readonly annotations?: Fields };
        readonly spec: Fields;
      };
      if (this.server.leases.has(metadata.name)) throw new KubeError(409, 'AlreadyExists', 'there is one');
      return this.server.store(spec, metadata.name, metadata.annotations);
    });

  mergePatch = (
    _type: ResourceType,
    { name }: ObjectRef,
    patch: Fields,
    signal: AbortSignal,
  ): Promise<KubeObject> =>
    this.#answer(signal, () => {
      this.server.writes.push(patch);
      const { metadata, spec } = patch as {
        readonly metadata: { readonly resourceVersion: string; readonly annotations?: Fields };
        readonly spec: Fields;
      };
      if (metadata.resourceVersion !== this.server.leases.get(name)?.metadata.resourceVersion) {
        throw new KubeError(409, 'Conflict', 'stale');
      }
      return this.server.store(spec, name, metadata.annotations);
    });

  async #answer(signal: AbortSignal, handle: () => KubeObject): Promise<KubeObject> {
    if (this.network === 'failing') throw new KubeError(503, 'ServiceUnavailable', 'no leader');
    if (signal.aborted) throw new KubeError(0, 'Canceled', 'canceled');
    if (this.network === 'good') return handle();
    if (this.network === 'deaf') handle();
    return new Promise((_, reject) => {
      onAbort(signal, () => reject(new KubeError(0, 'Canceled', 'canceled')));
    });
  }
}
