import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApi } from './api.js';
import { realKubeconfig } from './skips.js';
import { RawApi, type Json } from './rawApi.js';
import { until } from './until.js';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** What the conformance suites stand on: an API server, a kind of its own that nobody else has, and namespaces. */
export interface Bench {
  readonly api: RawApi;
  readonly kubeconfigFile: string;
  /** A folder that is removed at the end. */
  readonly home: string;
  readonly group: string;
  /** Whether the server checks custom resources as today's do; those before 1.25 know no CEL rules and say other things. */
  readonly isCurrent: boolean;
  /** Whether somebody empties deleted namespaces: on a real server, a controller-manager that also makes accounts. */
  readonly emptiesNamespaces: boolean;
  /** A fresh namespace; the path of its widgets. */
  namespace(): Promise<{ name: string; widgets: string; core: string }>;
  /** A widget in the form of a request body. */
  widget(name: string, spec?: Json, more?: Json): Json;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const home = mkdtempSync(join(tmpdir(), 'conformance-'));
  const server = await startApi(home);
  const api = await RawApi.open(server.kubeconfigFile);
  const suffix = randomBytes(4).toString('hex');
  const group = `g${suffix}.conformance.test`;
  const namespaces: string[] = [];
  const { code, body } = await api.post(DEFINITIONS, widgetDefinition(group));
  if (code !== 201) throw new Error(`the definition was refused: ${JSON.stringify(body)}`);
  // Established comes before served on a real API server.
  await until(
    'the widgets to be served',
    async () => (await api.get(`/apis/${group}/v1/widgets`)).code === 200,
  );
  const stored = await api.get(`${DEFINITIONS}/widgets.${group}`);
  const account = await api.get('/api/v1/namespaces/default/serviceaccounts/default');
  return {
    isCurrent: JSON.stringify(stored.body).includes('x-kubernetes-validations'),
    emptiesNamespaces: realKubeconfig === undefined || account.code === 200,
    api,
    kubeconfigFile: server.kubeconfigFile,
    home,
    group,
    async namespace() {
      const name = `conformance-${suffix}-${namespaces.length}`;
      namespaces.push(name);
      await api.post('/api/v1/namespaces', { metadata: { name } });
      // A write right after it can meet a server that has not seen the namespace yet.
      const widgets = `/apis/${group}/v1/namespaces/${name}/widgets`;
      const probe = {
        apiVersion: `${group}/v1`,
        kind: 'Widget',
        metadata: { name: 'probe' },
        spec: { size: 1 },
      };
      await until('the namespace', async () => (await api.post(`${widgets}?dryRun=All`, probe)).code === 201);
      return { name, widgets, core: `/api/v1/namespaces/${name}` };
    },
    widget: (name, spec = { size: 1 }, more = {}) => ({
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name },
      spec,
      ...more,
    }),
    async close() {
      for (const name of namespaces) await api.delete(`/api/v1/namespaces/${name}`);
      await api.delete(`${DEFINITIONS}/widgets.${group}`);
      api.close();
      await server.stop();
      rmSync(home, { recursive: true });
    },
  };
}

/** A kind that uses what CloudJob's definition uses, and a little more. */
export function widgetDefinition(group: string): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        plural: 'widgets',
        singular: 'widget',
        kind: 'Widget',
        listKind: 'WidgetList',
        shortNames: ['wdg'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
            { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
            { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
            { name: 'Color', type: 'string', jsonPath: '.spec.color', priority: 1 },
          ],
          schema: { openAPIV3Schema: widgetSchema },
        },
      ],
    },
  };
}

const text = { type: 'string', maxLength: 64 };

export const widgetSchema = {
  type: 'object',
  description: 'A widget, as the conformance suite has it.',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      description: 'What the widget is like.',
      required: ['size'],
      'x-kubernetes-validations': [
        {
          rule: '!has(oldSelf.color) || (has(self.color) && self.color == oldSelf.color)',
          message: 'color cannot be changed once set',
        },
        {
          rule: 'self.size != 13',
          message: 'size 13 brings bad luck',
          fieldPath: '.size',
        },
      ],
      properties: {
        size: { type: 'integer', format: 'int32', minimum: 0, maximum: 100, description: 'How big it is.' },
        code: {
          ...text,
          pattern: '^[a-z]+$',
          minLength: 2,
          maxLength: 8,
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'code is immutable' }],
        },
        color: { type: 'string', enum: ['red', 'green'] },
        ratio: { type: 'number' },
        active: { type: 'boolean' },
        mode: {
          ...text,
          default: 'fast',
          'x-kubernetes-validations': [
            { rule: 'self != "odd"', messageExpression: '"mode " + self + " is not supported"' },
          ],
        },
        since: { type: 'string', format: 'date-time' },
        names: { type: 'array', maxItems: 3, items: { ...text, maxLength: 5 } },
        params: { type: 'object', maxProperties: 2, additionalProperties: text },
        nested: {
          type: 'object',
          properties: { inner: { type: 'object', properties: { depth: { type: 'integer', default: 3 } } } },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        port: { 'x-kubernetes-int-or-string': true },
      },
    },
    status: {
      type: 'object',
      default: { observedGeneration: -1 },
      properties: {
        observedGeneration: { type: 'integer' },
        phase: text,
        conditions: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          items: {
            type: 'object',
            required: ['type', 'status'],
            properties: {
              type: text,
              status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
              reason: text,
            },
          },
        },
      },
    },
  },
};
