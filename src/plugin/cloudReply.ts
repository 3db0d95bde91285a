import { jobIDSchema } from '../api/cloudjob.js';
import { cleanText } from '../text.js';
import { isRecord } from '../json.js';

/**
 * Where replies of the cloud carry the ID of the job that was started: creating, deleting and migrating clusters and
 * nodes; resizing; adding and resetting nodes; node pools; creating a cluster, in another form (CCE API reference).
 */
const PLACES = [
  'status.jobID',
  'jobID',
  'jobid',
  'jobId',
  'status.jobId',
  'metadata.annotations.jobid',
] as const;

/** The longest text of the reply that an error quotes. */
const MAX_QUOTE = 200;

export type ReadReply =
  | { readonly kind: 'jobID'; readonly jobID: string }
  /** For people: what is wrong and what to do, without a full stop. */
  | { readonly kind: 'problem'; readonly problem: string };

/** Finds the job's ID in the body of a reply of the cloud. */
export function readReply(text: string): ReadReply {
  let reply: unknown;
  try {
    // Shells of Windows write a byte order mark first when they redirect to a file.
    reply = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return problem('it is not JSON; pass only the body of the reply, without headers');
  }
  const found = PLACES.flatMap((place) => {
    const value = valueAt(reply, place);
    return value === undefined || value === null || value === '' ? [] : [{ place, value }];
  });
  const [first] = found;
  if (first === undefined) return problem(describeMissing(reply));
  const other = found.find(({ value }) => value !== first.value);
  if (other !== undefined) {
    return problem(
      `it names two jobs: ${first.place} is ${quote(first.value)} and ${other.place} is ${quote(other.value)}; leave one of them in the file`,
    );
  }
  const jobID = jobIDSchema.safeParse(first.value);
  if (jobID.success) return { kind: 'jobID', jobID: jobID.data };
  return problem(
    `${first.place} is ${quote(first.value)}, which is not a job ID: it must be 1 to 64 of A-Z a-z 0-9 _ -`,
  );
}

function describeMissing(reply: unknown): string {
  const message = ['message', 'errorMessage', 'error_msg']
    .map((key) => valueAt(reply, key))
    .find((value) => typeof value === 'string' && value !== '');
  const code = valueAt(reply, 'errorCode') ?? valueAt(reply, 'error_code');
  if (typeof code === 'string') {
    const text = typeof message === 'string' ? `: ${cleanText(message, MAX_QUOTE)}` : '';
    return `it is an error, so no job was started (${cleanText(code, MAX_QUOTE)}${text})`;
  }
  return `it has no job ID: none of ${PLACES.join(', ')} is set; is it the whole reply to a call that starts a job?`;
}

function valueAt(reply: unknown, place: string): unknown {
  let value = reply;
  for (const key of place.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function quote(value: unknown): string {
  return cleanText(JSON.stringify(value), MAX_QUOTE);
}

function problem(text: string): ReadReply {
  return { kind: 'problem', problem: text };
}
