import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { dump } from 'js-yaml';
import * as z from 'zod';
import { hasPromtool } from '../support/promtool.js';
import { describeWhen } from '../support/skips.js';

const dashboardSchema = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).optional() })),
});

describeWhen(hasPromtool, 'promtool is not installed')('the dashboard', () => {
  it('has queries that Prometheus can read', () => {
    const file = new URL('../../deploy/components/dashboard/dashboard.json', import.meta.url);
    const { panels } = dashboardSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const rules = panels
      .flatMap(({ targets = [] }) => targets)
      .map(({ expr }, index) => ({
        record: `panel:${index}`,
        // As Grafana fills in its variables.
        expr: expr.replaceAll('$job', '.*').replaceAll('$__rate_interval', '2m'),
      }));
    const home = mkdtempSync(join(tmpdir(), 'cloudjob-dashboard-'));
    writeFileSync(join(home, 'rules.yaml'), dump({ groups: [{ name: 'dashboard', rules }] }));

    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', join(home, 'rules.yaml')], {
      encoding: 'utf8',
    });
    rmSync(home, { recursive: true });

    expect(stderr).toBe('');
    expect(stdout).toContain(`${rules.length} rules found`);
    expect(status).toBe(0);
  });
});
