import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';

// prom-client has loaded this very copy already; an import would load another one, for 40 ms and 2 MB.
const { SpanStatusCode, trace } = createRequire(import.meta.url)(
  '@opentelemetry/api',
) as typeof OpenTelemetry;
const NAME = 'cloudjob-operator';

/**
 * Does the work inside an OpenTelemetry span, which fails with it; inside another span's work it is that one's child.
 * Without an SDK (one is loaded before the operator: `node --import ./tracing.js dist/main.js run`) it just does the work.
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
