import type { KubeObject } from '../kubeClient.js';
import { conditionStatus, textAt, type Verdict } from './verdict.js';

/** The `wait` block of a `kubernetes_manifest`, either form. */
export interface TerraformWait {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  /** Regular expressions by the dotted path of a field. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * The waiters of hashicorp/terraform-provider-kubernetes: all conditions have their status, or all fields match their
 * expression anywhere in the text. Generations are not compared, and nothing fails before the timeout.
 */
export function terraformVerdict({ conditions, fields }: TerraformWait, object: KubeObject): Verdict {
  const met =
    conditions.every(({ type, status }) => conditionStatus(object, type) === status) &&
    Object.entries(fields).every(([path, expression]) => {
      const text = textAt(object, path);
      return text !== undefined && new RegExp(expression, 'u').test(text);
    });
  return met ? 'done' : 'waits';
}

/** Reads the `wait` block of a recipe: as much of HCL as a guide needs. */
export function readWait(hcl: string): TerraformWait {
  const block = /^ {2}wait \{\n(.*?)^ {2}\}/ms.exec(hcl)?.[1];
  if (block === undefined) throw new Error(`there is no wait block in ${hcl}`);
  const conditions = [...block.matchAll(/condition \{\s*type\s*=\s*"(\w+)"\s*status\s*=\s*"(\w+)"\s*\}/g)];
  const fields = [...block.matchAll(/"(status[\w.]+)"\s*=\s*"([^"]+)"/g)];
  return {
    conditions: conditions.map(([, type = '', status = '']) => ({ type, status })),
    fields: Object.fromEntries(fields.map(([, path = '', expression = '']) => [path, expression])),
  };
}
