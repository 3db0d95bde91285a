import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';

// prom-client has already loaded this copy; an import would load a second one (40 ms, 2 MB).
const { SpanStatusCode, trace } = createRequire(import.meta.url)(
  '@opentelemetry/api',
) as typeof OpenTelemetry;
const NAME = 'cloudjob-operator';

/**
 * Does the work inside an OpenTelemetry span. The span fails if the work fails; inside another span it becomes a child.
 * Without an SDK it only does the work. (Load an SDK before the operator: `node --import ./tracing.js dist/main.js run`.)
 *
 * @param attributes never a secret
 */
export function inSpan<T>(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  work: () => Promise<T>,
): Promise<T> {
  return trace.getTracer(NAME).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
