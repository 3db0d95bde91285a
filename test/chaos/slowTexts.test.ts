import process from 'node:process';
import { expect, it } from '@jest/globals';
import { readCloudJob } from '../../src/api/cloudjob.js';
import { readCredentials } from '../../src/cloud/credentials.js';
import { readError } from '../../src/cloud/errors.js';
import { readJob } from '../../src/cloud/job.js';
import { parseTime } from '../../src/cloud/time.js';
import { withoutSecrets } from '../../src/kube/access/withoutSecrets.js';
import { fromResponse } from '../../src/kube/errors.js';
import { parseJSON } from '../../src/json.js';
import { readRetryAfter } from '../../src/retryAfter.js';
import { cleanText } from '../../src/text.js';

// Texts on which an expression that goes back, or a reader that recurses, never comes to an end.

const LENGTH = 500_000;
const many = (part: string): string => part.repeat(LENGTH / part.length);
const TEXTS: readonly string[] = [
  many('a'),
  `${many('a')}!`,
  many('-'),
  `a${many('-')}.`,
  many('1'),
  `2026-01-01T00:00:00.${many('0')}x`,
  many(' '),
  `a${many(' \t')}b`,
  many('\u001b['),
  many('\u001b]0;'),
  many('\u202e'),
  many('\ud800'),
  many('token = '),
  many('Bearer '),
  many('{"a":'),
  many('['),
  `[${many('1,')}1]`,
  `{"__proto__":${many('[')}`,
];

/** Everything that reads a text of somebody else. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  cleanText: (text) => cleanText(text, 1024),
  readRetryAfter: (text) => readRetryAfter(text, 0),
  parseTime,
  parseJSON,
  'a job': (text) =>
    readJob({
      metadata: { uid: text, creationTimestamp: text },
      spec: { type: text },
      status: { phase: text, reason: text },
    }),
  'an error of the cloud': (text) => readError(400, { 'retry-after': text, 'content-type': text }, text, 0),
  'an error of the API server': (text) =>
    fromResponse(500, 'GET /x', { kind: 'Status', reason: text, message: text }),
  'a Secret': (text) => readCredentials({ token: text, accessKey: text, region: text, projectID: text }),
  'a CloudJob': (text) =>
    readCloudJob({
      metadata: {
        name: 'a',
        namespace: 'b',
        uid: 'c',
        creationTimestamp: '2026-01-01T00:00:00Z',
        annotations: { 'cloudjob.dev/requestedAt': text },
        managedFields: [{ manager: text, fieldsV1: { 'f:spec': {} } }],
      },
      spec: { jobID: text, projectID: text, region: text, credentialsRef: { name: text } },
    }),
  'what an exec plugin has written': (text) => withoutSecrets(text, {}),
};

/** For half a megabyte, of processor time: a machine that is busy is no reason. A reader that goes back takes minutes. */
const MOST_SECONDS = 0.5;

it.each(Object.keys(READERS))('%s is read in no time, whatever the text', (name) => {
  const tooLong = TEXTS.filter((text) => {
    const begun = process.cpuUsage();
    READERS[name]?.(text);
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1e6 > MOST_SECONDS;
  });

  expect(tooLong.map((text) => text.slice(0, 20))).toEqual([]);
});
