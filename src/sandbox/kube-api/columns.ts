import { humanDuration } from '../../terminal/duration.js';
import { at, type KubeObject } from './json.js';
import { compileJsonPath } from './jsonpath.js';
import type { Column } from './resource.js';

/** How long ago a timestamp was; `<unknown>` without one. */
export function age(timestamp: unknown, now: number): string {
  const then = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(then) ? '<unknown>' : humanDuration(now - then);
}

/** A column of a built-in kind. */
export function column(name: string, cell: Column['cell'], priority = 0, description = name): Column {
  return { name, type: 'string', description, priority, cell };
}

export const nameColumn: Column = {
  ...column('Name', (object) => object.metadata.name, 0, 'Name must be unique within a namespace.'),
  format: 'name',
};

export const ageColumn = column('Age', (object, now) => age(object.metadata.creationTimestamp, now));

/** An entry of a CustomResourceDefinition's `additionalPrinterColumns`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

/** A column with a JSONPath that this server does not support stays empty. */
export function customColumn(definition: PrinterColumn): Column {
  const find = compileJsonPath(definition.jsonPath) ?? (() => []);
  return {
    name: definition.name,
    type: definition.type,
    ...(definition.format === undefined ? {} : { format: definition.format }),
    description:
      definition.description ??
      `Custom resource definition column (in JSONPath format): ${definition.jsonPath}`,
    priority: definition.priority ?? 0,
    cell: (object, now) => customCell(find(object), definition.type, now),
  };
}

function customCell(found: readonly unknown[], type: string, now: number): unknown {
  const [first] = found;
  if (first === undefined || first === null) return null;
  switch (type) {
    case 'date':
      return age(first, now);
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : null;
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    default:
      return found.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' ');
  }
}

/** The size of a map field such as a Secret's `data`. */
export function count(object: KubeObject, field: string): number {
  return Object.keys(at(object, field) ?? {}).length;
}
