import type { ClusterAccess } from '../../../src/kube/access/access.js';
import type { KubeObject } from '../../../src/kube/object.js';
import type { LogFields, Logger } from '../../../src/ops/log.js';

/** Waits until the condition holds; fails after ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** What was thrown. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('did not fail');
}

/** Access without credentials. */
export function plainAccess(server: string): ClusterAccess {
  return {
    server: new URL(server),
    namespace: undefined,
    credentials: () => Promise.resolve({ headers: {}, tls: { rejectUnauthorized: true } }),
    renew: () => false,
  };
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps the lines. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', message, fields });
  }
}

export function object(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return { metadata: { namespace: 'ns', name, uid, resourceVersion } };
}

/** Always the middle. */
export function half(): number {
  return 0.5;
}
