// Run by "helm test": whether somebody holds each Lease of the release and renews it, as an operator at work does.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, NAMESPACE, LEASES } = process.env;
const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');

/** When it was last renewed; undefined while nobody holds it. */
async function renewTime(lease) {
  const response = await fetch(
    `${server}/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${lease}`,
    {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    },
  );
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the API server answers ${response.status} for the Lease ${lease}`);
  const { spec } = await response.json();
  return spec.holderIdentity ? spec.renewTime : undefined;
}

async function isRenewed(lease) {
  const first = await renewTime(lease);
  // It is renewed every two seconds; after a crash it takes sixteen to be taken over.
  for (let tries = 0; tries < 20; tries += 1) {
    await sleep(2_000);
    const now = await renewTime(lease);
    if (now !== undefined && now !== first) return true;
  }
  return false;
}

for (const lease of LEASES.split(' ')) {
  if (!(await isRenewed(lease))) {
    process.stderr.write(`nobody renews the Lease ${lease}: see the operator's log\n`);
    process.exit(1);
  }
  process.stdout.write(`the Lease ${lease} is held and renewed\n`);
}
