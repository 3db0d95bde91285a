import { at, own } from './json.js';
import type { Resource } from './resource.js';

/** The object of a request, or the place of a new one. */
export interface Target {
  readonly resource: Resource;
  /** Undefined for resources without namespaces. */
  readonly namespace: string | undefined;
  /** Empty for a new object. */
  readonly name: string;
  readonly subresource: 'status' | undefined;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly manager: string;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Gets the warnings that the reply carries. */
  readonly warn: (message: string) => void;
}

export interface Preconditions {
  readonly uid?: unknown;
  readonly resourceVersion?: unknown;
}

/** The preconditions of a DeleteOptions body; absent ones are undefined. */
export function preconditionsOf(body: unknown): Preconditions {
  const preconditions = own(body, 'preconditions');
  return { uid: at(preconditions, 'uid'), resourceVersion: at(preconditions, 'resourceVersion') };
}

/** Any value as text for a message. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
