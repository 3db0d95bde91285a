import * as z from 'zod';
import { cleanText } from '../text.js';
import { managedFieldsSchema, specWriters } from './managedFields.js';

/** `always`: the TTL deletes the object, even if a tool keeps it. */
export const TTL_ANNOTATION = 'cloudjob.dev/ttl';

/**
 * People write objects with these tools, once. Any other writer of a spec is taken for a controller that would write it
 * again. (kubectl-cloudjob is this operator's plugin, oc is OpenShift's kubectl.)
 */
const BY_HAND = /^(?:kubectl|oc)(?:-|$)/;

/** Labels and annotations of tools that write with kubectl, or under its name, and keep their objects in place. */
const MARKS = [
  'argocd.argoproj.io/instance',
  'argocd.argoproj.io/tracking-id',
  'kustomize.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/name',
  'meta.helm.sh/release-name',
  'kapp.k14s.io/app',
  'config.k8s.io/owning-inventory',
  'applyset.kubernetes.io/part-of',
];
const MAX_NAME = 128;

const text = z.record(z.string(), z.string()).default({});
/** The part of an object's metadata that shows who keeps it. */
export const keptFields = {
  labels: text,
  annotations: text,
  ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).catch([]),
  managedFields: managedFieldsSchema,
};
const keptSchema = z.object(keptFields);

/** What may create the object again after it is deleted, in words; undefined: nothing that can be detected. */
export function keeperOf({
  labels,
  annotations,
  ownerReferences: [owner],
  managedFields,
}: z.output<typeof keptSchema>): string | undefined {
  if (annotations[TTL_ANNOTATION] === 'always') return undefined;
  if (owner !== undefined) return `its owner, ${cleanText(`${owner.kind} ${owner.name}`, MAX_NAME)},`;
  const mark = MARKS.find((key) => Object.hasOwn(labels, key) || Object.hasOwn(annotations, key));
  if (mark !== undefined) return `the tool that has marked it with ${mark}`;
  const writers = specWriters(managedFields);
  if (writers.length === 0) return 'an unknown writer of its spec (metadata.managedFields does not name it)';
  const other = writers.find((writer) => !BY_HAND.test(writer));
  return other && `the tool that writes its spec as "${cleanText(other, MAX_NAME)}"`;
}
