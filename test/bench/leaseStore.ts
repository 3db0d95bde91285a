import type { KubeObject } from '../../src/kube/object.js';

/** What is sent to create a Lease or to patch it. */
export interface LeaseBody {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly spec?: object;
}

/** Leases as an API server keeps them. */
export class LeaseStore {
  readonly #leases = new Map<string, KubeObject>();
  #version = 0;

  get(name: string): KubeObject | undefined {
    return this.#leases.get(name);
  }

  /** Creates or merges; undefined when it was written since the version that the body has. */
  write(name: string, { metadata, spec }: LeaseBody): KubeObject | undefined {
    const before = this.#leases.get(name);
    if (before !== undefined && metadata?.resourceVersion !== before.metadata.resourceVersion)
      return undefined;
    this.#version += 1;
    const lease = {
      metadata: { name, namespace: 'default', uid: 'a', resourceVersion: String(this.#version) },
      spec: { ...(before?.['spec'] as object | undefined), ...spec },
    };
    this.#leases.set(name, lease);
    return lease;
  }
}
