import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { check, complete, decode } from './admission.js';
import { definitions, namespaces, refuseToDelete } from './builtins.js';
import { establishedStatus } from './crd.js';
import { equal, type JsonObject, type KubeObject, type ObjectMeta } from './json.js';
import { afterUpdate, type Manager } from './managers.js';
import { keepServerMetadata, timestamp } from './metadata.js';
import type { Registry } from './registry.js';
import { apiVersionOf, serve, subjectOf, type Resource } from './resource.js';
import {
  alreadyExists,
  ApiError,
  badRequest,
  conflict,
  forbidden,
  invalid,
  invalidValue,
  notFound,
} from './status.js';
import type { Store } from './store.js';
import { shown, type Preconditions, type Target, type WriteOptions } from './target.js';

/** The rules of the API machinery: which writes are allowed, and their side effects. */
export class Objects {
  constructor(
    readonly store: Store,
    readonly registry: Registry,
    readonly clock: Clock,
  ) {}

  /** @throws ApiError 404 */
  get({ resource, namespace, name }: Target): KubeObject {
    const stored = this.store.get(resource.bucket, namespace, name);
    if (stored === undefined) throw notFound(subjectOf(resource, name));
    return serve(resource, stored);
  }

  find({ resource, namespace, name }: Target): KubeObject | undefined {
    const stored = this.store.get(resource.bucket, namespace, name);
    return stored === undefined ? undefined : serve(resource, stored);
  }

  /** @throws ApiError */
  create(target: Target, body: unknown, options: WriteOptions): KubeObject {
    const { resource, namespace } = target;
    const object = decode(target, body, options);
    const given = object.metadata;
    if (given.resourceVersion) {
      throw new ApiError(500, undefined, 'resourceVersion should not be set on objects to be created');
    }
    const managedFields = given.managedFields;
    const name = given.name || (given.generateName ? `${given.generateName}${randomSuffix()}` : '');
    keepServerMetadata(given, {
      name,
      uid: randomUUID(),
      creationTimestamp: timestamp(this.clock.now()),
      ...(namespace === undefined ? {} : { namespace }),
      ...(resource.hasGeneration ? { generation: 1 } : {}),
    });
    given.name = name;
    delete given.resourceVersion;
    delete given.managedFields;
    const statusIsSeparate = resource.custom && resource.hasStatus;
    if (statusIsSeparate) delete object['status'];
    complete(resource, object);
    this.#refuseTerminating(target, name);
    check(resource, object, undefined);
    if (this.store.get(resource.bucket, namespace, name) !== undefined) {
      throw alreadyExists(subjectOf(resource, name));
    }
    // A default status has no owner.
    const { status: _, ...withoutStatus } = object;
    const own = statusIsSeparate ? withoutStatus : object;
    given.managedFields =
      managedFields ??
      afterUpdate([], emptyLike(object), own, resource.schema, this.manager(target, options));
    return this.#commit(resource, object, options);
  }

  /**
   * Replaces an object, or its status. If `patched` (made from the current object), `body` needs no resourceVersion; if it
   * has one, it must match.
   *
   * @throws ApiError
   */
  update(target: Target, body: unknown, options: WriteOptions, patched = false): KubeObject {
    const { resource, name, subresource } = target;
    const subject = subjectOf(resource, name);
    const object = decode(target, body, options);
    const { metadata } = object;
    metadata.name ||= name;
    if (metadata.name !== name) {
      throw badRequest(
        `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
      );
    }
    const old = this.get(target);
    if (!metadata.resourceVersion && !patched && resource.custom) {
      const problem = 'must be specified for an update';
      throw invalid(subject, [invalidValue('metadata.resourceVersion', 0, problem)]);
    }
    if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata.resourceVersion) {
      throw conflict(subject);
    }
    // A patch of the status ignores it.
    const uidCounts = !patched || subresource === undefined;
    if (metadata.uid && metadata.uid !== old.metadata.uid && uidCounts) {
      if (patched) {
        throw invalid({ ...subject, kind: resource.kind }, [
          invalidValue('metadata.uid', metadata.uid, 'field is immutable'),
        ]);
      }
      throw conflict(
        subject,
        `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`,
      );
    }
    const next = this.#prepareUpdate(target, object, old);
    check(resource, next, old);
    const givenFields = metadata.managedFields;
    const entries =
      Array.isArray(givenFields) && subresource === undefined
        ? givenFields
        : (old.metadata.managedFields ?? []);
    next.metadata.managedFields = afterUpdate(
      entries,
      old,
      next,
      resource.schema,
      this.manager(target, options),
    );
    return this.#replace(resource, next, old, options);
  }

  /** Stores the result of an apply; its `managedFields` are already right. @throws ApiError */
  replaceApplied(target: Target, merged: KubeObject, options: WriteOptions): KubeObject {
    const old = this.get(target);
    const next = this.#prepareUpdate(target, merged, old);
    next.metadata.managedFields = merged.metadata.managedFields ?? [];
    check(target.resource, next, old);
    return this.#replace(target.resource, next, old, options);
  }

  /** Deletes an object, or marks it if finalizers hold it. Returns it if it still exists. @throws ApiError */
  delete(
    target: Target,
    preconditions: Preconditions,
    dryRun: boolean,
  ): { object: KubeObject; gone: boolean } {
    const { resource, name } = target;
    const old = this.get(target);
    refuseToDelete(resource, name);
    checkPreconditions(resource, old, preconditions);
    const held =
      (old.metadata.finalizers ?? []).length > 0 || resource === namespaces || resource === definitions;
    if (!held) {
      if (!dryRun) this.#remove(resource, old);
      return { object: old, gone: true };
    }
    if (old.metadata.deletionTimestamp !== undefined) return { object: old, gone: false };
    const marked = structuredClone(old);
    marked.metadata.deletionTimestamp = timestamp(this.clock.now());
    if (resource.custom) marked.metadata.deletionGracePeriodSeconds = 0;
    if (resource.hasGeneration) marked.metadata.generation = (old.metadata.generation ?? 0) + 1;
    if (resource === namespaces) marked['status'] = { phase: 'Terminating' };
    if (dryRun) return { object: marked, gone: false };
    const stored = this.#put(resource, marked);
    if (resource === namespaces) this.#emptyNamespace(name);
    if (resource === definitions) this.#removeDefinition(stored);
    return { object: stored, gone: false };
  }

  /** The identity of a write in `managedFields`. */
  manager(
    { resource, subresource }: Target,
    { manager }: WriteOptions,
    operation: Manager['operation'] = 'Update',
  ): Manager {
    const time = timestamp(this.clock.now());
    return { manager, operation, apiVersion: apiVersionOf(resource), subresource, time };
  }

  /** Takes from the request what this kind of write may change, and everything else from the old object. */
  #prepareUpdate({ resource, subresource }: Target, object: KubeObject, old: KubeObject): KubeObject {
    const separate = resource.hasStatus;
    let next: KubeObject;
    if (subresource === 'status') {
      const { status: _, ...rest } = old;
      next = structuredClone(rest);
      if (object['status'] !== undefined) next['status'] = object['status'];
    } else {
      next = { ...object, metadata: { ...object.metadata } };
      if (separate) {
        delete next['status'];
        if (old['status'] !== undefined) next['status'] = structuredClone(old['status']);
      }
      if (resource === namespaces) next['spec'] = structuredClone(old['spec']);
      keepServerMetadata(next.metadata, old.metadata);
    }
    const { resourceVersion } = old.metadata;
    if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion;
    complete(resource, next);
    if (resource.hasGeneration && !equal(desired(next, separate), desired(old, separate))) {
      next.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    return next;
  }

  #refuseTerminating({ resource, namespace }: Target, name: string): void {
    if (namespace === undefined) return;
    const found = this.store.get(namespaces.bucket, undefined, namespace);
    if (found === undefined) throw notFound(subjectOf(namespaces, namespace));
    if (found.metadata.deletionTimestamp === undefined) return;
    throw forbidden(
      subjectOf(resource, name),
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    );
  }

  #replace(resource: Resource, next: KubeObject, old: KubeObject, options: WriteOptions): KubeObject {
    if (equal(withoutTimes(next), withoutTimes(old))) return old;
    const finished =
      old.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
    if (finished && resource !== namespaces && resource !== definitions) {
      if (!options.dryRun) this.#remove(resource, next);
      return next;
    }
    return this.#commit(resource, next, options);
  }

  #commit(resource: Resource, object: KubeObject, { dryRun }: WriteOptions): KubeObject {
    if (dryRun) return object;
    if (resource !== definitions) return this.#put(resource, object);
    const established = { ...object, status: establishedStatus(object, timestamp(this.clock.now())) };
    this.registry.define(established);
    return this.#put(resource, established);
  }

  #put(resource: Resource, object: KubeObject): KubeObject {
    const kept = resource.keep?.(object) ?? object;
    return serve(resource, this.store.put(resource.bucket, kept));
  }

  #remove(resource: Resource, object: KubeObject): void {
    this.store.remove(resource.bucket, resource.keep?.(object) ?? object);
    if (object.metadata.namespace !== undefined) this.#finishNamespace(object.metadata.namespace);
  }

  /** The work of a cluster's namespace controller: deletes the contents, then the namespace. */
  #emptyNamespace(name: string): void {
    for (const resource of this.registry.all()) {
      if (!resource.namespaced) continue;
      for (const [, { metadata }] of this.store.list(resource.bucket, name)) {
        this.delete({ resource, namespace: name, name: metadata.name, subresource: undefined }, {}, false);
      }
    }
    this.#finishNamespace(name);
  }

  #finishNamespace(name: string): void {
    const namespace = this.store.get(namespaces.bucket, undefined, name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    const buckets = this.registry.all().filter(({ namespaced }) => namespaced);
    if (buckets.some(({ bucket }) => this.store.has(bucket, name))) return;
    this.store.remove(namespaces.bucket, namespace);
  }

  #removeDefinition(definition: KubeObject): void {
    for (const resource of this.registry.forget(definition)) {
      for (const [, object] of this.store.list(resource.bucket)) this.#remove(resource, object);
    }
    this.store.remove(definitions.bucket, definition);
  }
}

/** The parts whose changes `generation` counts. */
function desired({ metadata: _, ...object }: KubeObject, withoutStatus: boolean): JsonObject {
  const fields: JsonObject = { ...object };
  if (withoutStatus) delete fields['status'];
  return fields;
}

function emptyLike({ apiVersion, kind }: KubeObject): JsonObject {
  return { apiVersion, kind, metadata: {} };
}

function withoutTimes(object: KubeObject): JsonObject {
  const entries = object.metadata.managedFields?.map(({ time: _, ...entry }) => entry) ?? [];
  const metadata: JsonObject = { ...object.metadata, managedFields: entries };
  return { ...object, metadata };
}

function checkPreconditions(
  resource: Resource,
  { metadata }: { metadata: ObjectMeta },
  wanted: Preconditions,
): void {
  const subject = { group: resource.group, kind: resource.kind, name: metadata.name };
  if (wanted.uid !== undefined && wanted.uid !== metadata.uid) {
    throw conflict(
      subject,
      `the UID in the precondition (${shown(wanted.uid)}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      subject,
      `the ResourceVersion in the precondition (${shown(wanted.resourceVersion)}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

/** Five characters, as in generated names; they cannot form words. */
function randomSuffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('');
}
