import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import * as z from 'zod';

/*
 * What kube-state-metrics makes of our config, in the features that it uses, after its documentation
 * (docs/metrics/extend/customresourcestate-metrics.md there). Strict: a key that is not here is not known to work.
 */
const path = z.array(z.string());
const labelsFromPath = z.record(z.string(), path);
const configSchema = z.strictObject({
  kind: z.literal('CustomResourceStateMetrics'),
  spec: z.strictObject({
    resources: z.tuple([
      z.strictObject({
        groupVersionKind: z.strictObject({ group: z.string(), version: z.string(), kind: z.string() }),
        metricNamePrefix: z.string(),
        errorLogV: z.int(),
        labelsFromPath,
        metrics: z.array(
          z.strictObject({
            name: z.string(),
            help: z.string(),
            each: z.discriminatedUnion('type', [
              z.strictObject({ type: z.literal('Info'), info: z.strictObject({ labelsFromPath }) }),
              z.strictObject({ type: z.literal('Gauge'), gauge: z.strictObject({ path }) }),
            ]),
          }),
        ),
      }),
    ]),
  }),
});

export const KUBE_STATE_CONFIG = configSchema.parse(
  load(
    readFileSync(
      new URL('../../deploy/monitoring/kube-state-metrics/cloudjobs.yaml', import.meta.url),
      'utf8',
    ),
  ),
).spec.resources[0];

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The names of all metrics, with their labels by the path of each. */
export function kubeStateMetrics(): ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> {
  const { metricNamePrefix, labelsFromPath: ofAll, metrics } = KUBE_STATE_CONFIG;
  return new Map(
    metrics.map(({ name, each }) => [
      `${metricNamePrefix}_${name}`,
      new Map(Object.entries({ ...ofAll, ...(each.type === 'Info' ? each.info.labelsFromPath : {}) })),
    ]),
  );
}

/** What kube-state-metrics reports of the object. */
export function kubeStateOf(object: object): Sample[] {
  const { groupVersionKind, metricNamePrefix, labelsFromPath: ofAll, metrics } = KUBE_STATE_CONFIG;
  const common = {
    customresource_group: groupVersionKind.group,
    customresource_version: groupVersionKind.version,
    customresource_kind: groupVersionKind.kind,
    ...labelsAt(object, ofAll),
  };
  return metrics.flatMap(({ name, each }) => {
    const own = each.type === 'Info' ? labelsAt(object, each.info.labelsFromPath) : {};
    // Without a label of its own an Info has no series, and without a value a Gauge.
    const value = each.type === 'Info' ? 1 : gaugeValue(valueAt(object, each.gauge.path));
    if (value === undefined || (each.type === 'Info' && Object.keys(own).length === 0)) return [];
    return [{ name: `${metricNamePrefix}_${name}`, labels: { ...common, ...own }, value }];
  });
}

function labelsAt(
  object: object,
  paths: Readonly<Record<string, readonly string[]>>,
): Record<string, string> {
  const found = Object.entries(paths).map(([label, steps]) => [label, valueAt(object, steps)] as const);
  return Object.fromEntries(
    found.flatMap(([label, value]) => (typeof value === 'string' ? [[label, value]] : [])),
  );
}

/** A step is a field's name, or `[key=value]` for the first element of a list that has it. */
function valueAt(object: unknown, steps: readonly string[]): unknown {
  return steps.reduce((value, step) => {
    const [, key, wanted] = /^\[(\w+)=(.*)\]$/.exec(step) ?? [];
    if (key === undefined) return (value as Record<string, unknown> | undefined)?.[step];
    return (value as Record<string, unknown>[] | undefined)?.find((element) => element[key] === wanted);
  }, object);
}

/** Of the strings that it takes for numbers, ours are RFC 3339 times: in whole seconds since 1970. */
function gaugeValue(value: unknown): number | undefined {
  return typeof value === 'string' ? Math.floor(Date.parse(value) / 1000) : undefined;
}
