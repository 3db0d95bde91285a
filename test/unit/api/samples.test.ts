import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import * as z from 'zod';
import { GROUP, KIND, VERSION, specSchema } from '../../../src/api/cloudjob.js';

const folder = new URL('../../../deploy/samples/', import.meta.url);
const samples = readdirSync(folder).map(
  (name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const,
);

describe('the samples', () => {
  it.each(samples.filter(([, yaml]) => yaml.includes(`kind: ${KIND}\n`)))('%s is a CloudJob', (_, yaml) => {
    const cloudJob = z
      .strictObject({
        apiVersion: z.literal(`${GROUP}/${VERSION}`),
        kind: z.literal(KIND),
        metadata: z.strictObject({ name: z.string() }),
        spec: specSchema.strict(),
      })
      .safeParse(load(yaml));

    expect(cloudJob.error?.issues ?? []).toEqual([]);
  });

  it('hold a Secret with nothing but placeholders', () => {
    const yaml = samples.find(([name]) => name === 'credentials.yaml')?.[1] ?? '';

    const { stringData } = load(yaml) as { stringData: Record<string, string> };

    expect(Object.keys(stringData)).toEqual(['accessKey', 'secretKey']);
    for (const value of Object.values(stringData)) expect(value).toMatch(/^REPLACE-WITH-/);
  });

  it.each(samples)('%s starts by saying what it is for', (_, yaml) => {
    expect(yaml).toMatch(/^# \S/);
  });
});
