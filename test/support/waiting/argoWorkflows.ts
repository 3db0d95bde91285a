import type { KubeObject } from '../kubeClient.js';
import { textAt, type Verdict } from './verdict.js';

/** The two conditions of a resource template. */
export interface ResourceTemplate {
  readonly successCondition: string;
  readonly failureCondition: string;
}

/** What Kubernetes takes for a label's name: there is no way to look for an item of a list but by its number. */
const LABEL_NAME = /^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;

/**
 * The rule of argo-workflows workflow/executor/resource.go: both conditions are label selectors over paths into the
 * JSON. Any requirement of the failure condition fails it; all of the success condition are needed.
 */
export function argoWorkflowsVerdict(template: ResourceTemplate, object: KubeObject): Verdict {
  if (parse(template.failureCondition).some((one) => matches(one, object))) return 'fails';
  return parse(template.successCondition).every((one) => matches(one, object)) ? 'done' : 'waits';
}

interface Requirement {
  readonly path: string;
  readonly value: string;
}

/** Reads `path == value, path == value`: as much of the syntax as a guide needs. */
function parse(selector: string): Requirement[] {
  return selector.split(',').map((text) => {
    const [, path = '', value = ''] = /^\s*(\S+)\s*==\s*(\S+)\s*$/.exec(text) ?? [];
    if (!LABEL_NAME.test(path) || !LABEL_NAME.test(value)) throw new Error(`not a label selector: ${text}`);
    return { path, value };
  });
}

function matches({ path, value }: Requirement, object: KubeObject): boolean {
  return textAt(object, path) === value;
}
