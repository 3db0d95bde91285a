import type { Clock } from '../../../src/clock.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { KubeError } from '../../../src/kube/errors.js';
import { LeaseHolder } from '../../../src/kube/lease.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { LeaseStore, type LeaseBody } from '../leaseStore.js';

/** An answer takes this long, in milliseconds. */
const LATENCY_MS = 5;
const QUIET = {
  info: () => undefined,
  warn: () => undefined,
  debug: () => undefined,
  error: () => undefined,
};

/** The Lease of an operator. */
export const LEASE_NAME = 'cloudjob-operator';

/** What holds the operator's Lease, and says nothing. */
export function leaseHolder(
  client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>,
  clock: Clock,
  random: () => number,
): LeaseHolder {
  return new LeaseHolder({
    client,
    clock,
    random,
    logger: QUIET,
    namespace: 'default',
    name: LEASE_NAME,
    identity: 'bench',
    count: 1,
  });
}

/** An API server in memory that keeps Leases and nothing else. */
export function leaseClient(clock: Clock): Pick<KubeClient, 'get' | 'create' | 'mergePatch'> {
  const leases = new LeaseStore();
  const pass = (): Promise<void> =>
    new Promise((resolve) => {
      clock.schedule(LATENCY_MS, resolve);
    });
  const write = async (name: string, body: unknown): Promise<KubeObject> => {
    await pass();
    const stored = leases.write(name, body as LeaseBody);
    if (stored === undefined) throw new KubeError(409, 'Conflict', 'somebody else wrote it');
    return stored;
  };
  return {
    async get(_type, { name }) {
      await pass();
      const lease = leases.get(name);
      if (lease === undefined) throw new KubeError(404, 'NotFound', 'there is no such Lease');
      return lease;
    },
    create: (_type, _namespace, body) => write(LEASE_NAME, body),
    mergePatch: (_type, { name }, patch) => write(name, patch),
  };
}
