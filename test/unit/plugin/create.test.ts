import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { readReply } from '../../../src/plugin/cloudReply.js';
import { makeManifest, manifestYAML } from '../../../src/plugin/manifest.js';

const ID = '354331b2c-229a-11e8-9c75-0255ac100ceb';

describe('a reply of the cloud', () => {
  it.each([
    ['creating a cluster', { kind: 'Cluster', status: { phase: 'Creating', jobID: ID } }],
    ['resizing', { jobID: ID }],
    ['adding a node', { jobid: ID }],
    ['an upgrade', { jobId: ID }],
    ['a node pool', { kind: 'NodePool', status: { jobId: ID } }],
    ['its annotations', { kind: 'Cluster', metadata: { annotations: { jobid: ID } } }],
    ['two places that agree', { status: { jobID: ID }, metadata: { annotations: { jobid: ID } } }],
    ['an empty place beside it', { jobID: '', status: { jobID: null, jobId: ID } }],
  ])('finds the ID in %s', (_, reply) => {
    expect(readReply(JSON.stringify(reply))).toEqual({ kind: 'jobID', jobID: ID });
  });

  it('may begin with a byte order mark', () => {
    expect(readReply(`\uFEFF{"jobid":"${ID}"}`)).toMatchObject({ jobID: ID });
  });

  it.each([
    ['no JSON', 'HTTP/1.1 200 OK', /^it is not JSON; pass only the body of the reply/],
    ['nothing', '', /^it is not JSON/],
    [
      'no job',
      '{"kind":"Cluster","status":{"phase":"Available"}}',
      /^it has no job ID: none of status\.jobID, jobID, /,
    ],
    ['a list', '[]', /^it has no job ID/],
    [
      'two jobs',
      '{"jobID":"a","status":{"jobID":"b"}}',
      /^it names two jobs: status\.jobID is "b" and jobID is "a"/,
    ],
    ['a number', '{"jobID":12}', /^jobID is 12, which is not a job ID/],
    ['a path', '{"jobID":"../x"}', /^jobID is "\.\.\/x", which is not a job ID/],
    ['an inherited name', '{"status":{"__proto__":{"jobID":"a"}}}', /^it has no job ID/],
    [
      'an error',
      '{"errorCode":"CCE.01400001","message":"OS: should not\\u001b[2J be empty"}',
      /^it is an error, so no job was started \(CCE\.01400001: OS: should not be empty\)$/,
    ],
  ])('of %s learns what is wrong', (_, text, problem) => {
    expect(readReply(text)).toMatchObject({ kind: 'problem', problem: expect.stringMatching(problem) });
  });
});

describe('the manifest', () => {
  const flags = {
    name: undefined,
    namespace: undefined,
    projectID: undefined,
    region: undefined,
    secret: undefined,
  };

  it('has what the flags say', () => {
    expect(
      makeManifest(ID, {
        name: 'scale-up',
        namespace: 'infra',
        projectID: 'p',
        region: 'eu-de',
        secret: 'cce',
      }),
    ).toEqual({
      kind: 'manifest',
      manifest: {
        apiVersion: 'cloudjob.dev/v1alpha1',
        kind: 'CloudJob',
        metadata: { name: 'scale-up', namespace: 'infra' },
        spec: { jobID: ID, projectID: 'p', region: 'eu-de', credentialsRef: { name: 'cce' } },
      },
    });
  });

  it('is named like the job, as far as Kubernetes takes that', () => {
    expect(makeManifest('_Abc_DEF-1_', flags)).toMatchObject({
      manifest: { metadata: { name: 'abc-def-1' } },
    });
    expect(makeManifest('___', flags)).toEqual({
      kind: 'problem',
      problem: '--name is required: no name can be made from "___"',
    });
  });

  it.each([
    [{ projectID: 'a b' }, /^--project-id: must be 1 to 64/],
    [
      { region: 'https://evil.example' },
      /^--region: must be the name of a region of the operator: .* never a URL/,
    ],
    [{ secret: '-' }, /^--secret: /],
  ])('is refused with %j', (bad, problem) => {
    expect(makeManifest(ID, { ...flags, ...bad })).toMatchObject({ problem: expect.stringMatching(problem) });
  });

  it.each(['12345', '1_0', '12e3', '0x1F', 'no', 'null'])('keeps the ID %s a text in YAML', (jobID) => {
    const made = makeManifest(jobID, { ...flags, name: 'a' });

    const yaml = made.kind === 'manifest' ? manifestYAML(made.manifest) : '';

    expect(yaml).toContain(`jobID: "${jobID}"\n`);
    expect(load(yaml)).toMatchObject({ spec: { jobID } });
  });
});
