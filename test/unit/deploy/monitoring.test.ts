import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';
import { kubeStateMetrics } from '../../support/kubeStateMetrics.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
/** Where people read the runbooks, unless they say otherwise. */
const RUNBOOKS = 'https://github.com/cloudjob-dev/cloudjob-operator/blob/main/docs/runbooks';
const { groups } = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            labels: z.object({ severity: z.enum(['critical', 'warning', 'info']) }),
            annotations: z.object({ summary: z.string(), runbook_url: z.url() }),
            expr: z.string(),
          }),
        ),
      }),
    ),
  })
  .parse(load(read('deploy/monitoring/alerts.yaml')));
const rules = groups.flatMap((group) => group.rules);

/** All names that `/metrics` serves, by the generated table; Node's own come on top. */
function metricNames(): Set<string> {
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(\w+)` +\| (\w+)/gm)];
  const own = rows.flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  );
  return new Set([...own, 'process_resident_memory_bytes', 'process_cpu_seconds_total']);
}

describe('monitoring', () => {
  it.each(['monitoring/alerts.yaml', 'components/dashboard/dashboard.json'])(
    '%s queries nothing that /metrics does not serve',
    async (file) => {
      const text = read(`deploy/${file}`);

      const queried = new Set(
        text.match(/\b(?:cloudjob|controller_runtime|workqueue|leader_election|process)_[a-z_]+(?=\{|\[)/g),
      );
      const names = metricNames();

      expect([...queried].filter((name) => !names.has(name))).toEqual([]);
      expect(queried.size).toBeGreaterThan(5);
    },
  );

  it('has one runbook for each alert', () => {
    const pages = readdirSync(new URL('docs/runbooks/', root));

    expect(pages.toSorted()).toEqual(rules.map(({ alert }) => `${alert}.md`).toSorted());
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`${RUNBOOKS}/${alert}.md`);
      expect(read(`docs/runbooks/${alert}.md`)).toMatch(new RegExp(`^# ${alert}\n`));
    }
  });

  it('says in the guide where the runbooks are', () => {
    expect(read('docs/metrics.md')).toContain(`\`${RUNBOOKS}\``);
  });

  it('queries nothing of kube-state-metrics that our config does not make', () => {
    const made = kubeStateMetrics();
    const queried = rules.flatMap(({ expr }) => [...expr.matchAll(/(kube_\w+)(?:\{([^}]*)\})?/g)]);

    expect(new Set(queried.map(([, name]) => name))).toEqual(new Set(made.keys()));
    for (const [, name = '', selector = ''] of queried) {
      for (const [, label = ''] of selector.matchAll(/(\w+)!?="/g)) {
        expect([name, [...(made.get(name)?.keys() ?? [])]]).toEqual([name, expect.arrayContaining([label])]);
      }
    }
  });

  it('lists in the guide what our config for kube-state-metrics makes', () => {
    const rows = [...read('docs/metrics.md').matchAll(/^\| `(kube_\w+)` +\|([^|]*)\|/gm)];

    expect(new Map(rows.map(([, name = '', labels = '']) => [name, new Set(labels.match(/\w+/g))]))).toEqual(
      new Map([...kubeStateMetrics()].map(([name, labels]) => [name, new Set(labels.keys())])),
    );
  });

  it('has a test in which each alert fires', () => {
    const tests = readdirSync(new URL('test/monitoring/', root)).map((file) =>
      read(`test/monitoring/${file}`),
    );
    const fired = tests.flatMap((text) =>
      [...text.matchAll(/(?:alerts|atOnce): \[([^\]]*)\]/g)].flatMap(
        ([, list = '']) => list.match(/\w+/g) ?? [],
      ),
    );

    expect([...new Set(fired)].toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });
});
