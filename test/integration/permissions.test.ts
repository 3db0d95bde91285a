import { afterAll, expect, it } from '@jest/globals';
import {
  installRights,
  OPERATOR_ACCOUNT,
  OPERATOR_NAMESPACE,
  put,
  readManifests,
  requestToken,
} from '../support/install.js';
import { reports } from '../support/jobs.js';
import { KubeClient } from '../support/kubeClient.js';
import { OperatorProcess } from '../support/operatorProcess.js';
import { hasRight, nameOf, oneByOne, rightsIn } from '../support/rights.js';
import { describeWhen, realKubeconfig } from '../support/skips.js';
import { takeTurns } from '../support/turns.js';
import { until } from '../support/until.js';
import { has, World, type Ref } from '../support/world.js';

const describeWithRbac = describeWhen(
  realKubeconfig !== undefined,
  'the embedded Kubernetes API enforces no RBAC',
);
const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
/** What the operator may do in every namespace, as `verb resource.group`. */
const EVERYWHERE = [
  'get cloudjobs.cloudjob.dev',
  'list cloudjobs.cloudjob.dev',
  'watch cloudjobs.cloudjob.dev',
  'delete cloudjobs.cloudjob.dev',
  'update cloudjobs/status.cloudjob.dev',
  'patch cloudjobs/status.cloudjob.dev',
  'get secrets.',
  'create events.events.k8s.io',
  'patch events.events.k8s.io',
];
/** What it may do in its own namespace alone. */
const AT_HOME = [
  'create leases.coordination.k8s.io',
  'get leases.coordination.k8s.io',
  'patch leases.coordination.k8s.io',
];
/** Things that an operator might be suspected of. */
const OTHERS = [
  'configmaps.',
  'pods.',
  'pods/exec.',
  'namespaces.',
  'serviceaccounts/token.',
  'events.',
  'deployments.apps',
  'clusterroles.rbac.authorization.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
];

// Concurrent tests do not wait for "beforeAll".
const world = realKubeconfig === undefined ? (undefined as never) : await World.start();
/** Of one observation, and of a test that waits for its turn. */
const DEADLINE_MS = 90_000;
const TEST_MS = 400_000;
/** A machine of two cores starts no more operators at a time. */
const inTurn = takeTurns(3);
const operators: OperatorProcess[] = [];
afterAll(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await world?.stop();
}, 60_000);

describeWithRbac("the operator's service account", () => {
  it.each([
    ['its own namespace', OPERATOR_NAMESPACE, [...EVERYWHERE, ...AT_HOME]],
    ['any other namespace', 'default', EVERYWHERE],
  ])('has exactly these rights in %s', async (_, namespace, rights) => {
    await installRights(world.client);

    const granted = await as(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT, (me) => rightsIn(me, namespace));
    // What the API server grants to everybody, such as asking for one's own rights.
    const everybodys = await as('default', 'default', (me) => rightsIn(me, namespace));

    expect(granted.filter((right) => !everybodys.includes(right)).toSorted()).toEqual(rights.toSorted());
  });

  it('is refused everything else', async () => {
    const resources = new Set([...EVERYWHERE, ...AT_HOME].map((right) => right.split(' ')[1] ?? ''));
    const rights = [...resources, ...OTHERS].flatMap((resource) =>
      VERBS.map((verb) => `${verb} ${resource}`),
    );

    const allowed = await as(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT, (me) =>
      Promise.all(rights.map(async (right) => ((await hasRight(me, 'default', right)) ? [right] : []))),
    );

    expect(allowed.flat().toSorted()).toEqual(EVERYWHERE.toSorted());
  });
});

/** An operator of one namespace, with what deploy/install.yaml grants but for one right. */
interface Handicapped {
  readonly operator: OperatorProcess;
  /** A job that has succeeded, and is to be deleted after a second. */
  readonly done: Ref;
  /** A job that is running. */
  readonly running: Ref;
}

/** Each right that is taken away, and what is seen not to work then. */
const TAKEN: readonly (readonly [
  right: string,
  breaks: string,
  seen: (it: Handicapped) => Promise<boolean>,
])[] = [
  [
    'get cloudjobs.cloudjob.dev',
    'a write that meets a newer object fails, where the watch does not bring it',
    async ({ operator, running }) => {
      // Somebody else writes, and the job changes, too.
      await world.patch(running, { metadata: { annotations: { at: String(performance.now()) } } });
      const phase = world.cloud.requests(running.name).length % 2 === 0 ? 'Running' : 'Initializing';
      world.cloud.answer(running.name, reports({ uid: running.name, phase }));
      return logged(operator, 'reconcile failed', 'cannot get resource \\"cloudjobs\\"');
    },
  ],
  [
    'list cloudjobs.cloudjob.dev',
    'it never becomes ready',
    async ({ operator }) =>
      logged(operator, 'list or watch interrupted', 'cannot list resource') &&
      (await operator.http('/readyz')).status === 503,
  ],
  [
    'watch cloudjobs.cloudjob.dev',
    'it does not hear of changes',
    async ({ operator }) => logged(operator, 'list or watch interrupted', 'cannot watch resource'),
  ],
  [
    'delete cloudjobs.cloudjob.dev',
    'ttlSecondsAfterFinished deletes nothing',
    async ({ operator, done }) =>
      logged(operator, 'reconcile failed', 'cannot delete resource') && (await exists(done)),
  ],
  [
    'update cloudjobs/status.cloudjob.dev',
    'no status is written',
    async ({ operator, done }) =>
      logged(operator, 'reconcile failed', 'cannot update resource \\"cloudjobs/status\\"') &&
      world.versions(done).every(({ status }) => status?.phase === undefined),
  ],
  [
    'patch cloudjobs/status.cloudjob.dev',
    'an end that somebody else wrote does not become its own, although it is verified',
    async ({ operator, running }) => {
      const { status } = await world.get(running);
      const phase = status?.phase === 'Success' ? 'SUCCESS' : 'Success';
      world.cloud.answer(running.name, reports({ uid: running.name, phase }));
      if (status?.phase?.toLowerCase() === 'success') {
        await world.patchStatus(running, { phase });
      }
      return logged(operator, 'reconcile failed', 'cannot patch resource \\"cloudjobs/status\\"');
    },
  ],
  [
    'get secrets.',
    'credentials are not found, and the message says what to grant',
    async ({ running }) => {
      const { status = {} } = await world.get(running);
      return (
        has(status, 'Synced', 'False', 'CredentialsNotFound') && JSON.stringify(status).includes('grant')
      );
    },
  ],
  [
    'create events.events.k8s.io',
    'nothing is reported as an Event',
    async ({ operator }) => (await refusedEvents(operator)) > 0,
  ],
  [
    'patch events.events.k8s.io',
    'what happens again is not counted',
    async ({ operator, running: { name } }) => {
      const throttled = world.cloud.requests(name).length % 2 === 1;
      world.cloud.answer(
        name,
        throttled
          ? { status: 429, headers: { 'retry-after': '1' }, body: {} }
          : reports({ uid: name, phase: 'Running' }),
      );
      return (await refusedEvents(operator)) > 0;
    },
  ],
  [
    'create leases.coordination.k8s.io',
    'it never leads',
    async ({ operator }) =>
      logged(operator, 'lease not reachable', 'cannot create resource') && (await isIdle(operator)),
  ],
  [
    'get leases.coordination.k8s.io',
    'it never leads',
    async ({ operator }) =>
      logged(operator, 'lease not reachable', 'cannot get resource') && (await isIdle(operator)),
  ],
  [
    'patch leases.coordination.k8s.io',
    'it cannot keep the Lease, and ends',
    async ({ operator }) => logged(operator, 'lease lost', '') && operator.exit?.code === 1,
  ],
];

/** A right that is missed only when another one does not help: the watch is quick, and brings what a read by name would. */
const HIDDEN_BY: Readonly<Record<string, string>> = {
  'get cloudjobs.cloudjob.dev': 'watch cloudjobs.cloudjob.dev',
};

describeWithRbac('each right is needed:', () => {
  it.concurrent.each(TAKEN)(
    'without "%s" %s',
    (right, breaks, seen) =>
      inTurn(async () => {
        const handicapped = await start(right);
        await until(
          breaks,
          () => seen(handicapped),
          DEADLINE_MS,
          () => handicapped.operator.logTail(),
        );
        await handicapped.operator.stop();
      }),
    TEST_MS,
  );

  it.concurrent(
    'with all of them everything works',
    () =>
      inTurn(async () => {
        const { operator, done, running } = await start(undefined);
        await until('the finished one to be deleted', async () => !(await exists(done)), DEADLINE_MS);
        const isFollowed = async (): Promise<boolean> =>
          (await world.get(running)).status?.phase === 'Running';
        await until('the other one to be followed', isFollowed, DEADLINE_MS);
        await operator.stop();

        expect(world.versions(done).at(-1)?.status?.phase).toBe('Success');
        expect(operator.log.filter((line) => line.includes('cannot '))).toEqual([]);
      }),
    TEST_MS,
  );

  it.concurrent(
    'a tenant grants one Secret with the sample, and the CloudJob heals by itself',
    () =>
      inTurn(async () => {
        const { operator, running } = await start('get secrets.');
        const { namespace } = running;
        const isSynced = (value: string) => async (): Promise<boolean> =>
          has((await world.get(running)).status ?? {}, 'Synced', value);
        await until('the Secret to be refused', isSynced('False'), DEADLINE_MS);

        for (const manifest of readManifests('components/tenants-grant-secrets/grant-secret.yaml')) {
          const metadata = { ...manifest.metadata, namespace };
          const subjects = [{ kind: 'ServiceAccount', name: OPERATOR_ACCOUNT, namespace }];
          const isBinding = manifest.kind === 'RoleBinding';
          await put(world.client, { ...manifest, metadata, ...(isBinding ? { subjects } : {}) });
        }
        await until('it to be followed', isSynced('True'), DEADLINE_MS, () => operator.logTail());
        await operator.stop();
      }),
    TEST_MS,
  );

  it('and none is missing in this table', () => {
    expect(TAKEN.map(([right]) => right).toSorted()).toEqual([...EVERYWHERE, ...AT_HOME].toSorted());
  });
});

/** Starts an operator in a namespace of its own; its Lease is there, too, so that it meets no other. */
async function start(without: string | undefined): Promise<Handicapped> {
  const namespace = await world.namespace();
  const metadata = { name: OPERATOR_ACCOUNT, namespace };
  const subject = { kind: 'ServiceAccount', ...metadata };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: OPERATOR_ACCOUNT };
  const granted = readManifests()
    .filter(({ metadata: { name } }) => name.startsWith(OPERATOR_ACCOUNT))
    .flatMap(({ rules = [] }) => rules)
    .flatMap(oneByOne)
    .filter((rule) => nameOf(rule) !== without && nameOf(rule) !== HIDDEN_BY[without ?? '']);
  await put(world.client, { kind: 'ServiceAccount', metadata });
  await put(world.client, { kind: 'Role', metadata, rules: granted });
  await put(world.client, { kind: 'RoleBinding', metadata, roleRef, subjects: [subject] });

  const [doneID, runningID] = [`${namespace}-done`, `${namespace}-running`];
  world.cloud.answer(doneID, reports({ uid: doneID, phase: 'Success' }));
  world.cloud.answer(runningID, reports({ uid: runningID, phase: 'Running' }));
  const done = await world.follow(namespace, doneID, { ttlSecondsAfterFinished: 1 });
  const running = await world.follow(namespace, runningID);
  const token = await requestToken(world.client, namespace, OPERATOR_ACCOUNT);
  const operator = new OperatorProcess({
    configFile: world.configFile,
    kubeconfigFile: world.writeKubeconfig(`${namespace}.kubeconfig`, { token, namespace }),
    namespaces: [namespace],
  });
  operators.push(operator);
  await operator.listening();
  return { operator, done, running };
}

/** What a service account finds. */
async function as<T>(namespace: string, account: string, use: (me: KubeClient) => Promise<T>): Promise<T> {
  const token = await requestToken(world.client, namespace, account);
  const client = new KubeClient(world.writeKubeconfig(`${account}.as.kubeconfig`, { token, namespace }));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function logged({ log }: OperatorProcess, message: string, detail: string): boolean {
  return log.some((line) => line.includes(message) && line.includes(detail));
}

/** Whether it follows the CloudJobs and works on none of them. */
async function isIdle(operator: OperatorProcess): Promise<boolean> {
  const { text } = await operator.http('/metrics');
  return /^leader_election_master_status\{[^}]*\} 0$/m.test(text);
}

/** Events that the API server did not take. */
async function refusedEvents(operator: OperatorProcess): Promise<number> {
  const { text } = await operator.http('/metrics');
  return Number(/^cloudjob_events_total\{outcome="refused"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function exists({ namespace, name }: Ref): Promise<boolean> {
  const path = `/apis/cloudjob.dev/v1alpha1/namespaces/${namespace}/cloudjobs/${name}`;
  return (await world.client.get(path)).status === 200;
}
