import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';
import { GROUP, KIND, VERSION, specSchema } from '../../../src/api/cloudjob.js';
import { codeBlocks, readGuide, yamlOfKind } from '../../support/guide.js';

const guide = readGuide('waiting.md');

const cloudJobSchema = z.strictObject({
  apiVersion: z.literal(`${GROUP}/${VERSION}`),
  kind: z.literal(KIND),
  metadata: z
    .strictObject({ name: z.string(), namespace: z.string() })
    .partial()
    .or(z.strictObject({ generateName: z.string() })),
  spec: specSchema.strict(),
});

describe('the recipes of the guide', () => {
  it('hold nothing but YAML that can be read', () => {
    const blocks = codeBlocks(guide, 'yaml').map((yaml) => load(yaml));

    expect(blocks.map((block) => (block as { readonly kind?: string }).kind)).toEqual([
      'Object',
      'CloudJob',
      undefined,
      'ResourceGraphDefinition',
      'WorkflowTemplate',
      'Task',
    ]);
  });

  it('give Crossplane a CloudJob', () => {
    const { spec } = z
      .object({ spec: z.object({ forProvider: z.object({ manifest: cloudJobSchema }) }) })
      .parse(yamlOfKind(guide, 'Object'));

    expect(spec.forProvider.manifest.metadata).toMatchObject({ namespace: 'infra' });
  });

  it('give Argo Workflows a CloudJob, once it has put in the parameter', () => {
    const [template] = z
      .object({
        spec: z.object({ templates: z.tuple([z.object({ resource: z.object({ manifest: z.string() }) })]) }),
      })
      .parse(yamlOfKind(guide, 'WorkflowTemplate')).spec.templates;

    const manifest = template.resource.manifest.replace('{{inputs.parameters.jobID}}', 'a-job');

    expect(cloudJobSchema.parse(load(manifest)).spec.jobID).toBe('a-job');
  });

  it('give Tekton the script that kubectl users get', () => {
    const [step] = z
      .object({
        spec: z.object({
          params: z.array(z.object({ name: z.string(), default: z.string().optional() })),
          steps: z.tuple([z.object({ args: z.array(z.string()), script: z.string() })]),
        }),
      })
      .parse(yamlOfKind(guide, 'Task')).spec.steps;

    expect(step.script).toBe(`#!/bin/sh\n${codeBlocks(guide, 'sh')[0]}`);
    expect(step.args).toHaveLength(3);
  });

  it('give Terraform a CloudJob of the right kind', () => {
    const [first = ''] = codeBlocks(guide, 'hcl');

    expect(first).toContain(`apiVersion = "${GROUP}/${VERSION}"`);
    expect(first).toContain(`kind       = "${KIND}"`);
    for (const [, field = ''] of first.matchAll(/[{,] (\w+) = var\./g)) {
      expect(Object.keys(specSchema.shape)).toContain(field);
    }
  });
});

describe('the files for Flux', () => {
  it.each([
    ['flux-kustomization.yaml', 'kustomize.toolkit.fluxcd.io/v1', 'Kustomization'],
    ['helmrelease.yaml', 'helm.toolkit.fluxcd.io/v2', 'HelmRelease'],
  ])('%s waits, and says for how long', (name, apiVersion, kind) => {
    const yaml = readFileSync(new URL(`../../../deploy/gitops/flux/${name}`, import.meta.url), 'utf8');

    expect(load(yaml)).toMatchObject({
      apiVersion,
      kind,
      metadata: { name: expect.any(String), namespace: expect.any(String) },
      spec: { interval: expect.stringMatching(/^\d+m$/), timeout: expect.stringMatching(/^\d+m$/) },
    });
    expect(yaml).not.toMatch(/disableWait|wait: false/);
  });
});
