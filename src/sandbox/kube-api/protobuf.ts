import type { JsonObject } from './json.js';
import { badRequest } from './status.js';

/**
 * Kubernetes' protobuf encoding, read only, of the kinds that `kubectl create` and Helm send in it. The field numbers are
 * those of the published `generated.proto` files of k8s.io/api and k8s.io/apimachinery.
 */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** How a field is read; a list repeats, a map has string keys. */
type Type = 'string' | 'bytes' | 'int' | 'bool' | 'time' | Message;
interface Field {
  readonly name: string;
  readonly type: Type;
  readonly repeated?: 'list' | 'map';
}
type Message = Readonly<Record<number, Field>>;

function one(name: string, type: Type = 'string'): Field {
  return { name, type };
}

function list(name: string, type: Type = 'string'): Field {
  return { name, type, repeated: 'list' };
}

function map(name: string, type: Type = 'string'): Field {
  return { name, type, repeated: 'map' };
}

const ownerReference: Message = {
  1: one('kind'),
  3: one('name'),
  4: one('uid'),
  5: one('apiVersion'),
  6: one('controller', 'bool'),
  7: one('blockOwnerDeletion', 'bool'),
};
const metadata = one('metadata', {
  1: one('name'),
  2: one('generateName'),
  3: one('namespace'),
  5: one('uid'),
  6: one('resourceVersion'),
  7: one('generation', 'int'),
  8: one('creationTimestamp', 'time'),
  11: map('labels'),
  12: map('annotations'),
  13: list('ownerReferences', ownerReference),
  14: list('finalizers'),
});
const immutable = one('immutable', 'bool');
const KINDS: Readonly<Record<string, Message>> = {
  Namespace: {
    1: metadata,
    2: one('spec', { 1: list('finalizers') }),
    3: one('status', { 1: one('phase') }),
  },
  Secret: { 1: metadata, 2: map('data', 'bytes'), 3: one('type'), 4: map('stringData'), 5: immutable },
  ConfigMap: { 1: metadata, 2: map('data'), 3: map('binaryData', 'bytes'), 4: immutable },
  ServiceAccount: {
    1: metadata,
    2: list('secrets', { 3: one('name') }),
    3: list('imagePullSecrets', { 1: one('name') }),
    4: one('automountServiceAccountToken', 'bool'),
  },
  DeleteOptions: {
    1: one('gracePeriodSeconds', 'int'),
    2: one('preconditions', { 1: one('uid'), 2: one('resourceVersion') }),
    3: one('orphanDependents', 'bool'),
    4: one('propagationPolicy'),
    5: list('dryRun'),
  },
};
const ENVELOPE: Message = {
  1: one('typeMeta', { 1: one('apiVersion'), 2: one('kind') }),
  2: one('raw', 'bytes'),
};
const MAGIC = Buffer.from('k8s\0', 'latin1');

/** @throws ApiError 400 for a kind that is not known here, or bytes that are no message */
export function decodeProtobuf(body: Buffer): JsonObject {
  try {
    if (!body.subarray(0, 4).equals(MAGIC)) throw new RangeError('the prefix is missing');
    const envelope = decode(body.subarray(4), ENVELOPE);
    const { apiVersion, kind } = (envelope['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
    const message = apiVersion === 'v1' && kind !== undefined ? KINDS[kind] : undefined;
    if (message === undefined) throw new RangeError(`${kind ?? 'the kind'} is read as JSON only`);
    return { apiVersion, kind, ...decode(Buffer.from((envelope['raw'] ?? '') as string, 'base64'), message) };
  } catch (error) {
    throw badRequest(
      `the protobuf body cannot be read: ${error instanceof Error ? error.message : 'malformed'}`,
    );
  }
}

function decode(bytes: Buffer, message: Message): JsonObject {
  const object: JsonObject = {};
  for (const [number, value] of fieldsOf(bytes)) {
    const field = message[number];
    if (field === undefined) continue;
    const { name, type, repeated } = field;
    if (repeated === 'list')
      object[name] = [...((object[name] as unknown[] | undefined) ?? []), read(value, type)];
    else if (repeated === 'map') {
      const entry = decode(value as Buffer, { 1: one('key'), 2: one('value', type) });
      const entries = (object[name] ??= {}) as JsonObject;
      if (entry['key'] !== '__proto__') entries[(entry['key'] ?? '') as string] = entry['value'] ?? '';
    } else {
      const decoded = read(value, type);
      // Go writes empty strings for what is not set.
      if (decoded !== '' && decoded !== undefined) object[name] = decoded;
    }
  }
  return object;
}

function read(value: Buffer | number, type: Type): unknown {
  if (type === 'int') return Number(value);
  if (type === 'bool') return value !== 0;
  if (typeof value === 'number') throw new RangeError('a number where there must be bytes');
  if (type === 'string') return value.toString('utf8');
  if (type === 'bytes') return value.toString('base64');
  if (type !== 'time') return decode(value, type);
  const { seconds } = decode(value, { 1: one('seconds', 'int') });
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1000).toISOString();
}

/** The fields of one message: varints as numbers, everything with a length as bytes. */
function* fieldsOf(bytes: Buffer): Generator<[number: number, value: Buffer | number]> {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[offset];
      if (byte === undefined || shift > 2 ** 63) throw new RangeError('a number does not end');
      offset += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (offset < bytes.length) {
    const tag = varint();
    const wireType = tag & 7;
    if (wireType === 0) yield [tag >>> 3, varint()];
    else if (wireType === 2) {
      const length = varint();
      if (offset + length > bytes.length) throw new RangeError('a field is longer than the message');
      yield [tag >>> 3, bytes.subarray(offset, offset + length)];
      offset += length;
    } else if (wireType === 1 || wireType === 5) offset += wireType === 1 ? 8 : 4;
    else throw new RangeError(`wire type ${wireType}`);
  }
}
