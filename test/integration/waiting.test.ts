import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { codeBlocks, commands, readGuide, readTable } from '../support/guide.js';
import { describeWhen, describeWithKubectl } from '../support/skips.js';
import { hasKubectl } from '../support/kubectl.js';
import {
  EARLY_NAMES,
  needsSomebody,
  recordStates,
  STATE_NAMES,
  type EarlyState,
  type Recorded,
  type State,
} from '../support/waiting/states.js';
import { waysToWait } from '../support/waiting/ways.js';
import { World } from '../support/world.js';

// The table of docs/waiting.md is what is expected here: a cell that is wrong there fails here.
const guide = readGuide('waiting.md');
const table = readTable(guide);
const ways = waysToWait(guide);

let world: World;
let states: ReadonlyMap<State | EarlyState, Recorded>;
beforeAll(async () => {
  world = await World.start();
  states = await recordStates(world);
}, 150_000);
afterAll(async () => world?.stop(), 60_000);

function recorded(state: State | EarlyState): Recorded {
  const found = states.get(state);
  if (found === undefined) throw new Error(`there is no CloudJob in the state "${state}"`);
  return found;
}

it('the guide has a row for every way and a column for every state', () => {
  expect([...table.keys()]).toEqual(ways.map(({ row }) => row));
  for (const cells of table.values()) expect([...cells.keys()]).toEqual(STATE_NAMES);
});

for (const { row, needsKubectl, judge } of ways) {
  describeWhen(!needsKubectl || hasKubectl, 'kubectl is not installed')(row, () => {
    it.each(STATE_NAMES)('%s', async (state) => {
      const verdict = await judge(recorded(state), world);

      const cell = verdict === 'waits' && needsSomebody(state) ? 'times out' : verdict;
      expect(cell).toBe(table.get(row)?.get(state));
    });

    it('waits while a trouble may pass by itself', async () => {
      const verdicts = await Promise.all(EARLY_NAMES.map(async (state) => judge(recorded(state), world)));

      expect(verdicts).toEqual(EARLY_NAMES.map(() => 'waits'));
    });
  });
}

describeWithKubectl('the commands of the guide', () => {
  const onCloudJobs = commands(guide).filter((command) => command.startsWith('kubectl -n infra '));

  it('are there', () => {
    expect(onCloudJobs.length).toBeGreaterThanOrEqual(4);
  });

  it.each(onCloudJobs)('%s', async (command) => {
    const { namespace, name } = recorded('succeeded').ref;

    const result = await world.shell(
      command.replaceAll('-n infra ', `-n ${namespace} `).replaceAll('create-prod-cluster', name),
    );

    expect(result).toMatchObject({ code: 0, stderr: '' });
  });
});

describeWithKubectl('the patch for Argo CD', () => {
  const command = commands(guide).find((one) => one.includes('argocd-cm.yaml')) ?? '';

  it('adds to the ConfigMap what is said of CloudJobs, and takes nothing away', async () => {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'argocd-cm', namespace: 'argocd' },
      data: { url: 'https://argocd.example.com' },
    };
    const [, file = ''] = /--patch-file (deploy\/\S+)$/.exec(command) ?? [];

    const result = await world.kubectl(
      [
        'patch',
        '--local',
        '-f',
        '-',
        '--patch-file',
        fileURLToPath(new URL(`../../${file}`, import.meta.url)),
        '-o',
        'json',
      ],
      JSON.stringify(configMap),
    );

    expect(result).toMatchObject({ code: 0, stderr: '' });
    const { data } = JSON.parse(result.stdout) as { readonly data: object };
    expect(data).toMatchObject(configMap.data);
    expect(Object.keys(data)).toHaveLength(5);
  });
});

describeWithKubectl('the script of the guide', () => {
  const [script = ''] = codeBlocks(guide, 'sh');

  it('goes on as soon as the CloudJob is Ready', async () => {
    const { ref, object } = recorded('succeeded');
    const waited = await world.follow(ref.namespace, 'waited-for');
    const status = JSON.stringify({ status: { ...object.status, jobID: waited.name } });

    // What the operator would write comes while the script sleeps.
    const { code, stdout } = await world.shell(
      `sleep() { kubectl -n ${waited.namespace} patch cjob/${waited.name} --subresource=status --type=merge -p '${status}'; }
      ${script}`,
      [waited.name, waited.namespace, '60'],
    );

    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/patched\n.*condition met/) });
  });

  it('gives up when the time is up, and shows the CloudJob', async () => {
    const { ref } = recorded('running');

    const { code, stdout, stderr } = await world.shell(`sleep() { echo "slept $1"; }\n${script}`, [
      ref.name,
      ref.namespace,
      '10',
    ]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: 'slept 5\nslept 5\n' });
    expect(stderr).toContain('JobRunning');
  });

  it('reports why a CloudJob is Stalled', async () => {
    const { ref } = recorded('job not found');

    const { code, stderr } = await world.shell(script, [ref.name, ref.namespace, '0']);

    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('Check spec.jobID') });
  });

  it('does not take a CloudJob that is not there for anything', async () => {
    const { code, stderr } = await world.shell(script, ['nobody', recorded('running').ref.namespace, '0']);

    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('"nobody" not found') });
  });
});
