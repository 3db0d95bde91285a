import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load, loadAll } from 'js-yaml';
import * as z from 'zod';
import { POD_IDENTITY_ENV } from '../../../src/cloud/auth/workload.js';
import { readConfig } from '../../../src/settings/config.js';
import { codeBlocks, readGuide } from '../../support/guide.js';

const ROOT = new URL('../../../', import.meta.url);
const ENV = { [POD_IDENTITY_ENV.uri]: 'http://127.0.0.1/v1', [POD_IDENTITY_ENV.tokenFile]: '/token' };

function schema(name: string): z.ZodType {
  const text = readFileSync(new URL(`schemas/${name}`, ROOT), 'utf8');
  return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
}

describe('docs/configuration.md', () => {
  const examples = codeBlocks(readGuide('configuration.md'), 'yaml').map(
    (yaml) => [yaml, load(yaml)] as const,
  );
  const ofConfigSchema = schema('operator-config.json');

  it.each(examples)('has an example that the operator and its schema take:\n%s', (_, config) => {
    expect(() => readConfig(config, 'config.yaml', ENV)).not.toThrow();
    expect(ofConfigSchema.safeParse(config)).toMatchObject({ success: true });
  });

  it("has an example of each source of the operator's own credentials", () => {
    const kinds = examples.map(
      ([, config]) => readConfig(config, 'config.yaml', ENV).ownCredentials?.source.kind,
    );
    expect(kinds).toEqual(expect.arrayContaining(['ecsMetadata', 'podIdentity', 'oidc']));
  });

  it('has a schema that refuses a key that does not exist', () => {
    expect(ofConfigSchema.safeParse({ pooling: {} }).success).toBe(false);
  });
});

describe('the JSON Schema of a CloudJob', () => {
  const ofCloudJob = schema('cloudjob.dev/cloudjob_v1alpha1.json');
  const samples = readdirSync(new URL('deploy/samples', ROOT)).flatMap((name) =>
    loadAll(readFileSync(new URL(`deploy/samples/${name}`, ROOT), 'utf8'))
      .filter((object) => (object as { kind?: string }).kind === 'CloudJob')
      .map((object) => [name, object as { readonly spec: object }] as const),
  );

  it.each(samples)('takes the CloudJob of deploy/samples/%s', (_, cloudJob) => {
    expect(ofCloudJob.safeParse(cloudJob)).toMatchObject({ success: true });
  });

  it('refuses a misspelled field, and one of a wrong type', () => {
    const [[, cloudJob] = ['', { spec: {} }]] = samples;
    for (const wrong of [{ jobId: 'x' }, { suspend: 'yes' }]) {
      expect(ofCloudJob.safeParse({ ...cloudJob, spec: { ...cloudJob.spec, ...wrong } }).success).toBe(false);
    }
  });
});
