import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';

const github = new URL('../../../.github/', import.meta.url);

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}
interface Workflow {
  readonly permissions?: object;
  readonly concurrency?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
}

/** Commands of the project, and the install before them. */
const COMMAND =
  /^(bash \.ci\/run|npm ci --ignore-scripts --no-audit --no-fund|npm run release -- (--dry-run|--version "\$GITHUB_REF_NAME"))$/;

describe.each(readdirSync(new URL('workflows/', github)))('the workflow %s', (file) => {
  const text = readFileSync(new URL(`workflows/${file}`, github), 'utf8');
  const workflow = load(text) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  it('takes every action by its commit and says its version', () => {
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, line]) => line);

    expect(uses).toHaveLength(steps.filter((step) => step.uses !== undefined).length);
    for (const line of uses) expect(line).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('runs the scripts of the project and nothing else', () => {
    for (const { run } of steps.filter((step) => step.uses === undefined)) expect(run).toMatch(COMMAND);
  });

  it('gives no right by default, and each job those that it names, for a limited time', () => {
    expect(workflow.permissions).toEqual({});
    expect(workflow.concurrency).toBeDefined();
    for (const [name, job] of Object.entries(workflow.jobs)) {
      const writes = Object.keys(job.permissions ?? {}).filter(
        (scope) => job.permissions?.[scope] === 'write',
      );
      const publishes = file === 'release.yml' && name === 'release';
      expect(writes.toSorted()).toEqual(
        publishes ? ['attestations', 'contents', 'id-token', 'packages'] : [],
      );
      expect(job.permissions).toHaveProperty('contents');
      expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
    }
  });

  it('leaves no credentials in the checkout', () => {
    const checkouts = steps.filter((step) => step.uses?.startsWith('actions/checkout@'));

    expect(checkouts).toHaveLength(Object.keys(workflow.jobs).length);
    for (const step of checkouts) expect(step).toMatchObject({ with: { 'persist-credentials': false } });
  });
});

describe.each(['bug.yml', 'feature.yml'])('the issue form %s', (file) => {
  const form = load(readFileSync(new URL(`ISSUE_TEMPLATE/${file}`, github), 'utf8')) as Form;

  it('has what GitHub needs to show it', () => {
    expect(form.name).toMatch(/\w/);
    expect(form.description).toMatch(/\w/);
    const fields = form.body.filter(({ type }) => type !== 'markdown');
    expect(fields.length).toBeGreaterThan(0);
    for (const { type, id, attributes } of fields) {
      expect(['input', 'textarea']).toContain(type);
      expect(id).toMatch(/^[\w-]+$/);
      expect(attributes['label']).toMatch(/\w/);
    }
    for (const key of ['id', 'label'] as const) {
      const values = fields.map((field) => (key === 'id' ? field.id : field.attributes['label']));
      expect(new Set(values).size).toBe(values.length);
    }
  });
});
