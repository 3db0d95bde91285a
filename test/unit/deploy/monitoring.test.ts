import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const { groups } = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            labels: z.object({ severity: z.enum(['critical', 'warning', 'info']) }),
            annotations: z.object({ summary: z.string(), runbook: z.string() }),
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
  it.each(['alerts.yaml', 'dashboard.json'])(
    '%s queries nothing that /metrics does not serve',
    async (file) => {
      const text = read(`deploy/monitoring/${file}`);

      const queried = new Set(
        text.match(/\b(?:cloudjob|controller_runtime|workqueue|leader_election|process)_[a-z_]+(?=\{|\[)/g),
      );
      const names = metricNames();

      expect([...queried].filter((name) => !names.has(name))).toEqual([]);
      expect(queried.size).toBeGreaterThan(5);
    },
  );

  it('has one runbook for each alert', () => {
    const pages = readdirSync(new URL('docs/runbooks/', root)).map((page) => `docs/runbooks/${page}`);

    expect(rules.map(({ annotations }) => annotations.runbook).toSorted()).toEqual(pages.toSorted());
    expect(pages).toEqual(expect.arrayContaining(rules.map(({ alert }) => `docs/runbooks/${alert}.md`)));
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
