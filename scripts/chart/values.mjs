/** The values of the Helm chart: values.yaml, values.schema.json and the table in the chart's README are made from here. */
import { dump } from 'js-yaml';
import * as z from 'zod';
import { REGISTRY } from '../registry.mjs';

/** What Kubernetes itself checks. */
const object = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), z.string());
const port = z.int().min(1).max(65_535);
const namespace = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const httpAddress = z.string().regex(/^(https?:\/\/[^\s/]+\/?)?$/);

/** A part whose keys have defaults. */
function part(shape) {
  return z.strictObject(shape).prefault({});
}

/**
 * @param configSchema that of the operator's config file
 * @param base the Deployment of deploy/base, whose settings are the defaults
 */
export function valuesSchema(configSchema, base) {
  const { nodeSelector, containers } = base.spec.template.spec;
  const [{ resources }] = containers;
  return z.strictObject({
    image: part({
      repository: z
        .string()
        .min(1)
        .default(`${REGISTRY}/cloudjob-operator`)
        .describe('the image without its tag'),
      tag: z.string().default('').describe("the tag; empty: the chart's appVersion"),
      digest: z
        .string()
        .regex(/^(sha256:[0-9a-f]{64})?$/)
        .default('')
        .describe('the digest; it goes before the tag'),
      pullPolicy: z
        .enum(['Always', 'IfNotPresent', 'Never'])
        .default('IfNotPresent')
        .describe('when nodes pull it'),
    }),
    imagePullSecrets: z
      .array(z.strictObject({ name: z.string().min(1) }))
      .default([])
      .describe('Secrets of the release namespace for a private registry'),
    crds: part({
      install: z
        .boolean()
        .default(true)
        .describe('whether the CRD is part of the release; false: somebody else installs and upgrades it'),
      keep: z
        .boolean()
        .default(true)
        .describe('whether the CRD, and every CloudJob with it, stays when the release is uninstalled'),
    }),
    namespaces: z
      .array(namespace)
      .max(50)
      .default([])
      .describe('the namespaces whose CloudJobs are followed, and where it has rights; empty: all'),
    replicas: z
      .int()
      .min(1)
      .max(9)
      .default(1)
      .describe('how many pods; two or more are spread over nodes and get a disruption budget'),
    shards: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe('into how many parts the replicas split the work (docs/sharding.md)'),
    config: configSchema
      .prefault({})
      .describe("the operator's config file (docs/configuration.md); a change starts new pods"),
    identityToken: part({
      audience: z
        .string()
        .default('')
        .describe(
          'for ownCredentials of the kind oidc: mounts a token for this client ID at /var/run/secrets/iam/token',
        ),
    }),
    caBundle: z
      .string()
      .regex(/^($|-----BEGIN CERTIFICATE-----)/)
      .default('')
      .describe(
        'certificates (PEM) to trust besides the public ones, for a cloud or proxy with a private CA',
      ),
    proxy: part({
      https: httpAddress
        .default('')
        .describe('the proxy to the cloud: http://HOST:PORT; the NetworkPolicy lets its port through'),
      http: httpAddress.default('').describe('the same for http addresses'),
      noProxy: z
        .string()
        .default('$(KUBERNETES_SERVICE_HOST),.svc,.cluster.local')
        .describe('what is reached directly, while there is a proxy'),
    }),
    env: z
      .array(z.looseObject({ name: z.string().min(1) }))
      .default([])
      .describe('more environment: other settings (docs/settings.md), or a proxy address out of a Secret'),
    rights: part({
      readSecrets: z
        .boolean()
        .default(true)
        .describe('whether it may read Secrets by name; false: the owners of each namespace grant that'),
      deleteFinished: z
        .boolean()
        .default(true)
        .describe('whether it may delete CloudJobs; false: ttlSecondsAfterFinished has no effect'),
      userRoles: z
        .boolean()
        .default(true)
        .describe('whether view, edit and admin include CloudJobs; false for a second release in a cluster'),
    }),
    serviceAccount: part({ annotations: strings.default({}).describe('annotations of the service account') }),
    networkPolicy: part({
      enabled: z.boolean().default(true).describe('whether there is a NetworkPolicy'),
      prometheusNamespace: namespace
        .default('monitoring')
        .describe('the namespace that may read the metrics'),
      egressPorts: z.array(port).default([]).describe('more ports of clouds, proxies or the API server'),
    }),
    monitoring: part({
      enabled: z
        .boolean()
        .default(false)
        .describe('whether there are a ServiceMonitor and a PrometheusRule, for the Prometheus operator'),
      labels: strings
        .default({})
        .describe('labels by which your Prometheus finds them, such as release: kube-prometheus-stack'),
    }),
    dashboard: part({
      enabled: z.boolean().default(false).describe('whether there is a ConfigMap with the Grafana dashboard'),
      labels: strings
        .default({ grafana_dashboard: '1' })
        .describe("labels by which Grafana's sidecar finds it"),
    }),
    resources: object
      .default(resources)
      .describe('requests and limits of the container (docs/install.md, "Size")'),
    nodeSelector: strings.default(nodeSelector).describe('labels of the nodes that it may run on'),
    tolerations: z.array(object).default([]).describe('taints of nodes that it tolerates'),
    affinity: object.default({}).describe('replaces the rule that spreads replicas over nodes'),
    topologySpreadConstraints: z
      .array(object)
      .default([])
      .describe('how replicas spread over zones; without a labelSelector of yours they count its own pods'),
    priorityClassName: z.string().default('').describe('the priority class of the pods'),
    podAnnotations: strings.default({}).describe('annotations of the pods'),
  });
}

/** values.schema.json: Helm refuses every value that it does not allow, and names its key. */
export function schemaJson(schema) {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  // Helm adds it wherever the chart is a part of another one.
  json.properties.global = { type: 'object' };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** values.yaml: the defaults, each with what it does. */
export function valuesYaml(schema) {
  const defaults = schema.parse({});
  // Defaults of the config file are the operator's, and may change with it.
  defaults.config = {};
  const text = Object.entries(schema.shape).map(([key, field]) => yamlOf(key, defaults[key], field));
  return `# The values of the chart cloudjob-operator. Generated by "npm run crd" from scripts/chart/values.mjs: change that.\n\n${text.join('\n')}`;
}

function yamlOf(key, value, field) {
  const keys = partsOf(field);
  if (keys === undefined) return comment(field.description) + dump({ [key]: value }, { lineWidth: -1 });
  const inner = Object.entries(keys).map(([name, one]) => yamlOf(name, value[name], one));
  return `${key}:\n${inner.join('').replace(/^(?=.)/gm, '  ')}`;
}

/** A row for each value: key, default, what it does. */
export function valueRows(schema) {
  const defaults = { ...schema.parse({}), config: {} };
  return Object.entries(schema.shape).flatMap(([key, field]) => {
    const keys = partsOf(field);
    if (keys === undefined) return [[key, defaults[key], field.description]];
    return Object.entries(keys).map(([name, one]) => [
      `${key}.${name}`,
      defaults[key][name],
      one.description,
    ]);
  });
}

/** The keys of a part; undefined for a value of its own. */
function partsOf(field) {
  return field.description === undefined ? field.unwrap().shape : undefined;
}

function comment(text) {
  return `# ${text.charAt(0).toUpperCase()}${text.slice(1)}\n`;
}
