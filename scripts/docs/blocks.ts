import { Registry } from 'prom-client';
import { REASONS } from '../../src/api/conditions.js';
import { createMetrics } from '../../src/ops/metrics.js';
import { pollingByKind, pollingComparison, pollingIntervals } from './polling.js';
import { pollingCurve } from './pollingCurve.js';
import { cloudErrorConditions, cloudErrors } from './cloudErrors.js';
import { PERFORMANCE_BLOCKS } from './performance.js';
import { pluginCommands, pluginFlags } from './plugin.js';
import { apiFields, cloudJobJSONSchema, configJSONSchema } from './schemas.js';
import { builtInRegions, configFile, flags } from './settings.js';
import { code, markdownTable } from './table.js';

/**
 * What may stand between `<!-- generated: NAME -->` and `<!-- /generated -->` in a Markdown file, by its name. To add
 * one: a function here, the two markers in a page, `npm run docs`; a test fails when the page is out of date.
 */
export const BLOCKS: Readonly<Record<string, () => string | Promise<string>>> = {
  'cloud-errors': cloudErrors,
  'cloud-error-conditions': cloudErrorConditions,
  metrics,
  ...PERFORMANCE_BLOCKS,
  flags,
  'config-file': configFile,
  regions: builtInRegions,
  'api-spec': () => apiFields('spec'),
  'api-status': () => apiFields('status'),
  'plugin-commands': pluginCommands,
  'plugin-flags': pluginFlags,
  reasons,
  'polling-intervals': pollingIntervals,
  'polling-comparison': pollingComparison,
  'polling-by-kind': pollingByKind,
};

/** Files that are generated as a whole, by their path from the root. */
export const FILES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/polling.svg': pollingCurve,
  'schemas/cloudjob.dev/cloudjob_v1alpha1.json': cloudJobJSONSchema,
  'schemas/operator-config.json': configJSONSchema,
};

async function metrics(): Promise<string> {
  const none = new Map<string, never>();
  const gauges = {
    queue: () => ({ depth: 0, processing: 0, adds: 0, retries: 0, unfinishedMs: 0, longestMs: 0 }),
    leading: () => false,
    watches: () => none,
    jobs: () => none,
    workers: () => 0,
    observationAgeSeconds: () => 0,
    regions: () => none,
    openCredentials: () => 0,
  };
  const registry = new Registry();
  createMetrics(gauges, { kubeHost: '', lease: '' }, registry);
  const labelsOf = (name: string): readonly string[] => {
    const metric = registry.getSingleMetric(name) as unknown as { readonly labelNames?: readonly string[] };
    return metric.labelNames ?? [];
  };
  return markdownTable(
    ['Metric', 'Type', 'Labels', 'Meaning'],
    (await registry.getMetricsAsJSON()).map(({ name, type, help }) => [
      code(name),
      String(type),
      labelsOf(name).map(code).join(', '),
      help,
    ]),
  );
}

function reasons(): string {
  return markdownTable(
    ['Reason', 'Means'],
    Object.entries(REASONS).map(([reason, meaning]) => [code(reason), meaning]),
  );
}
