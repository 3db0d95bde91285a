import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import type { CloudJob } from '../../src/api/cloudjob.js';
import { after, cloudJob, CREATED, failed, read } from '../support/cloudJobs.js';
import { kubeStateOf, type Sample } from '../support/kubeStateMetrics.js';
import { hasPromtool, testAlert, testRules, TROUBLE_AT, type ExpectedAlert } from '../support/promtool.js';
import { describeWhen } from '../support/skips.js';

const RULES = fileURLToPath(new URL('../../deploy/monitoring/alerts.yaml', import.meta.url));
const RUNBOOKS = 'https://github.com/cloudjob-dev/cloudjob-operator/blob/main/docs/runbooks';
const MINUTES = 200;
/** An operator in which all is well. */
const UP = [{ series: 'up{job="cloudjob-operator",instance="a"}', values: `1x${MINUTES}` }];
/** promtool's time begins at 0: the CloudJobs of these tests are created when the trouble begins. */
const SHIFT = CREATED / 1000 - TROUBLE_AT * 60;

/** As two replicas of kube-state-metrics report the CloudJob, before the trouble and from then on. */
function series(before: CloudJob, since: CloudJob): object[] {
  const quiet = kubeStateOf(before).map((sample) => ({
    series: nameOf(sample),
    values: `${valueOf(sample)}x${TROUBLE_AT - 1}`,
  }));
  const troubled = kubeStateOf(since).map((sample) => ({
    series: nameOf(sample),
    values: `_x${TROUBLE_AT} ${valueOf(sample)}x${MINUTES}`,
  }));
  return ['a', 'b'].flatMap((instance) =>
    [...quiet, ...troubled].map((one) => ({
      ...one,
      series: one.series.replace('{', `{job="kube-state-metrics",instance="${instance}",`),
    })),
  );
}

function nameOf({ name, labels }: Sample): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(',')}}`;
}

function valueOf({ name, value }: Sample): number {
  return name.endsWith('_time_seconds') ? value - SHIFT : value;
}

function named(alert: string, reason: string, summary: string): ExpectedAlert {
  return {
    labels: { severity: 'warning', namespace: 'infra', name: 'scale-up', reason },
    annotations: { summary, runbook_url: `${RUNBOOKS}/${alert}.md` },
  };
}

describeWhen(hasPromtool, 'promtool is not installed')(
  'the alerts on what kube-state-metrics reports:',
  () => {
    const running = after(cloudJob(), read('Running'));

    it.each([
      ['Succeeded', cloudJob()],
      ['Observed', cloudJob({ readyWhen: 'Observed' })],
    ])('a failed job is named for an hour, with readyWhen: %s', async (_, object) => {
      const before = after(object, read('Running'));
      const since = after(before, read('Failed', { reason: 'no quota' }), 1);
      const fires = named(
        'CloudJobFailed',
        'JobFailed',
        'The cloud job of CloudJob infra/scale-up has failed (JobFailed).',
      );

      expect(
        await testAlert(RULES, series(before, since), 'CloudJobFailed', {
          [TROUBLE_AT - 1]: [],
          [TROUBLE_AT + 1]: [fires],
          [TROUBLE_AT + 59]: [fires],
          [TROUBLE_AT + 61]: [],
        }),
      ).toBe('');
      expect(
        await testRules(
          RULES,
          [...UP, ...series(before, since)],
          [
            { minute: TROUBLE_AT + 10, alerts: ['CloudJobFailed'] },
            { minute: TROUBLE_AT + 90, alerts: [] },
          ],
        ),
      ).toBe('');
    });

    it('a stalled CloudJob is named as long as it is stalled', async () => {
      const stalled = after(running, failed('unauthorized'), 660, { unobservedMs: 660_000 });
      const fires = named(
        'CloudJobStalled',
        'CredentialsRejected',
        'CloudJob infra/scale-up is stalled (CredentialsRejected).',
      );

      expect(
        await testAlert(RULES, series(running, stalled), 'CloudJobStalled', {
          [TROUBLE_AT - 1]: [],
          [TROUBLE_AT + 3]: [],
          [TROUBLE_AT + 6]: [fires],
          [MINUTES - 1]: [fires],
        }),
      ).toBe('');
      expect(
        await testRules(
          RULES,
          [...UP, ...series(running, stalled)],
          [{ minute: TROUBLE_AT + 10, alerts: ['CloudJobStalled'] }],
        ),
      ).toBe('');
    });

    it('a job that succeeds, and a CloudJob that is suspended, page nobody', async () => {
      const suspended = after(cloudJob({ suspend: true }), { kind: 'nothing' });

      for (const since of [after(running, read('Success'), 1), suspended]) {
        expect(
          await testRules(
            RULES,
            [...UP, ...series(running, since)],
            [{ minute: TROUBLE_AT + 10, alerts: [] }],
          ),
        ).toBe('');
      }
    });

    it('the alert without a name gives way to the one with it', async () => {
      const since = after(running, read('Failed'), 1);
      const counted = [
        {
          series: 'cloudjob_jobs{job="cloudjob-operator",phase="failed"}',
          values: `0x${TROUBLE_AT - 1} 1x${MINUTES}`,
        },
      ];
      const minute = TROUBLE_AT + 2;

      expect(await testRules(RULES, [...UP, ...counted], [{ minute, alerts: ['CloudJobsFailed'] }])).toBe('');
      expect(
        await testRules(
          RULES,
          [...UP, ...counted, ...series(running, since)],
          [{ minute, alerts: ['CloudJobFailed'] }],
        ),
      ).toBe('');
    });
  },
);
