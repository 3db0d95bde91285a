/** The chart's templates, made from deploy/base, the overlays and the components. */
import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { deployment } from './deployment.mjs';
import { lines, placed, print, rewrite } from './place.mjs';

const NAME = 'cloudjob-operator';
const NAME_LABEL = 'app.kubernetes.io/name';
const FULL_NAME = `{{ include "${NAME}.fullname" $ }}`;
const CLUSTER_WIDE = /^(Cluster|CustomResource)/;
/** Where names of the installation's own objects stand. */
const NAME_KEYS = new Set(['name', 'serviceAccountName']);

/** @returns the text of each template, by its name below templates/ */
export function templates(root, crdYaml) {
  const read = (path) => loadAll(readFileSync(`${root}deploy/${path}`, 'utf8'));
  const print1 = (path, change = (object) => object) =>
    read(path)
      .map((object) => chartObject(object, change))
      .join('---\n');
  const [highAvailability] = rewrite(read(component('high-availability', 'deployment')), ofRelease);
  return {
    'crd.yaml': when('.Values.crds.install', chartCrd(crdYaml)),
    'service-account.yaml': print1('base/service-account.yaml', serviceAccount),
    'lease-role.yaml': print1('base/lease-role.yaml'),
    'roles.yaml': read('base/roles.yaml').map(role).join('---\n'),
    'user-roles.yaml': when('.Values.rights.userRoles', print1('base/user-roles.yaml')),
    'bindings.yaml': bindings(
      read('overlays/all-namespaces/bindings.yaml'),
      read('overlays/one-namespace/bindings.yaml'),
    ),
    'config.yaml': configMap('config', ['config.yaml'], '{{- toYaml .Values.config | nindent 4 }}'),
    'ca-bundle.yaml': when(
      '.Values.caBundle',
      configMap('ca', ['ca.crt'], '{{- .Values.caBundle | nindent 4 }}'),
    ),
    'deployment.yaml': print1('base/deployment.yaml', (object) => deployment(object, highAvailability)),
    'disruption-budget.yaml': when(
      'gt (int .Values.replicas) 1',
      print1(component('high-availability', 'disruption-budget'), disruptionBudget),
    ),
    'service.yaml': print1('base/service.yaml'),
    'network-policy.yaml': when(
      '.Values.networkPolicy.enabled',
      print1('base/network-policy.yaml', networkPolicy),
    ),
    'ecs-metadata.yaml': when(
      `and .Values.networkPolicy.enabled (eq (include "${NAME}.ownCredentials" .) "ecsMetadata")`,
      print1(component('ecs-metadata', 'network-policy')),
    ),
    'service-monitor.yaml': when(
      '.Values.monitoring.enabled',
      print1(component('monitoring', 'service-monitor'), labelled('monitoring')),
    ),
    'prometheus-rule.yaml': when(
      '.Values.monitoring.enabled',
      print1(component('monitoring', 'prometheus-rule'), labelled('monitoring')),
    ),
    'dashboard.yaml': when('.Values.dashboard.enabled', chartObject(dashboard(), labelled('dashboard'))),
  };
}

function component(name, file) {
  return `components/${name}/${file}.yaml`;
}

/** An object of the kustomize tree as one of a release: its name, namespace, labels and selectors are the release's. */
function chartObject(object, change) {
  const { [NAME_LABEL]: _, ...ownLabels } = object.metadata.labels ?? {};
  const { name, labels: __, ...metadata } = rewrite(object.metadata, ofRelease);
  const rest = change({
    ...rewrite(object, ofRelease),
    metadata: {
      name,
      ...(CLUSTER_WIDE.test(object.kind) ? {} : { namespace: placed('{{ $.Release.Namespace }}') }),
      ...metadata,
      labels: { ...lines(`{{- include "${NAME}.labels" $ | nindent 0 }}`), ...ownLabels },
    },
  });
  return print(rest);
}

function ofRelease(value, key) {
  if (typeof value === 'object' && value !== null && value[NAME_LABEL] === NAME) {
    const instance = { 'app.kubernetes.io/instance': placed('{{ $.Release.Name }}') };
    return 'app.kubernetes.io/instance' in value ? value : { ...value, ...instance };
  }
  if (value === 'cloudjob-system') return placed('{{ $.Release.Namespace }}');
  if (NAME_KEYS.has(key) && /^cloudjob-operator(-|$)/.test(value))
    return value.replace(NAME, placed(FULL_NAME));
  return value;
}

function when(condition, text) {
  return `{{- if ${condition} }}\n${text}{{- end }}\n`;
}

function withEach(path) {
  return lines(`{{- with ${path.replace('.Values', '$.Values')} }}\n{{- toYaml . | nindent 0 }}\n{{- end }}`);
}

function chartCrd(yaml) {
  const keep =
    '  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n';
  const labels = `  labels:\n    {{- include "${NAME}.labels" . | nindent 4 }}\n`;
  return yaml
    .replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`)
    .replace(/^metadata:\n/m, (head) => head + keep + labels);
}

function serviceAccount(object) {
  const annotations =
    '{{- with .Values.serviceAccount.annotations }}\nannotations:\n  {{- toYaml . | nindent 2 }}\n{{- end }}';
  return { ...object, metadata: { ...object.metadata, ...lines(annotations) } };
}

/** With the labels by which another tool finds it. */
function labelled(value) {
  return (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, ...withEach(`.Values.${value}.labels`) },
    },
  });
}

/** A right that can be left out. */
function role(object) {
  const text = chartObject(object, (one) => one);
  return object.metadata.name.endsWith('-ttl') ? when('.Values.rights.deleteFinished', text) : text;
}

/** In all namespaces, or in each that is named. */
function bindings(inAll, inOne) {
  return `{{- range .Values.namespaces }}\n${inOne.map(binding).join('')}{{- else }}\n${inAll.map(binding).join('')}{{- end }}\n`;
}

function binding(object) {
  const text = chartObject(object, (one) => ({
    ...one,
    metadata: rewrite(one.metadata, (value) => (value === 'infra' ? placed('{{ . }}') : value)),
  }));
  const { name } = object.metadata;
  if (name.endsWith('-ttl')) return when('$.Values.rights.deleteFinished', `---\n${text}`);
  return name.endsWith('-secrets') ? when('$.Values.rights.readSecrets', `---\n${text}`) : `---\n${text}`;
}

/** Its name changes with its content: a changed one starts new pods, and the old ones keep theirs. */
function configMap(part, [file], content) {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: placed(`{{ include "${NAME}.${part}Name" . }}`) },
  };
  return chartObject(object, (one) => ({ ...one, data: { [file]: placed(`|\n    ${content}`) } }));
}

function networkPolicy(object) {
  const from = rewrite(object, (value) =>
    value === 'monitoring' ? placed('{{ .Values.networkPolicy.prometheusNamespace }}') : value,
  );
  const [names, reached, ...others] = from.spec.egress;
  const ports = `{{- range (include "${NAME}.egressPorts" . | fromJsonArray) }}\n- port: {{ . }}\n  protocol: TCP\n{{- end }}`;
  return {
    ...from,
    spec: {
      ...from.spec,
      egress: [names, { ...reached, ports: [...reached.ports, placed(ports)] }, ...others],
    },
  };
}

/** Before Kubernetes 1.21 its one version was another, with the same fields. */
function disruptionBudget(object) {
  const version = '{{ .Capabilities.APIVersions.Has "policy/v1" | ternary "policy/v1" "policy/v1beta1" }}';
  return { ...object, apiVersion: placed(version) };
}

function dashboard() {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${NAME}-dashboard` },
    data: { 'cloudjob-operator.json': placed('|\n    {{- .Files.Get "files/dashboard.json" | nindent 4 }}') },
  };
}
