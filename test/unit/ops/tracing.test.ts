import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { trace, type Span, type Tracer } from '@opentelemetry/api';
import { inSpan } from '../../../src/ops/tracing.js';

/** Notes down what an SDK is given. */
function recordingProvider(lines: string[]): { getTracer(): Tracer } {
  const startActiveSpan = (name: string, options: object, ...rest: unknown[]): unknown => {
    lines.push(`${name} ${JSON.stringify(options)}`);
    const span = {
      setStatus: ({ code }: { readonly code: number }) => lines.push(`status ${code}`),
      end: () => lines.push('end'),
    };
    // The work comes last, whatever else there is.
    return (rest.at(-1) as (span: Span) => unknown)(span as unknown as Span);
  };
  return { getTracer: () => ({ startActiveSpan }) as unknown as Tracer };
}

describe('work in a span', () => {
  it('is just done when there is no SDK, and fails as it would', async () => {
    expect(await inSpan('reconcile', { key: 'ns/a' }, () => Promise.resolve(7))).toBe(7);
    await expect(inSpan('reconcile', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  describe('of an SDK', () => {
    const lines: string[] = [];
    beforeAll(() => void trace.setGlobalTracerProvider(recordingProvider(lines)));
    beforeEach(() => void lines.splice(0));

    it('begins and ends it', async () => {
      const value = await inSpan('reconcile', { key: 'ns/a' }, async () => {
        lines.push('work');
        return 7;
      });

      expect(value).toBe(7);
      expect(lines).toEqual(['reconcile {"attributes":{"key":"ns/a"}}', 'work', 'end']);
    });

    it('marks it when it fails, and passes the failure on', async () => {
      const failing = inSpan('reconcile', {}, () => Promise.reject(new Error('no')));

      await expect(failing).rejects.toThrow('no');
      expect(lines.slice(1)).toEqual(['status 2', 'end']);
    });
  });
});
