import { describe, expect, it } from '@jest/globals';
import { openScope } from '../../../src/kube/scope.js';
import { FakeClock } from '../../support/fakeClock.js';

const late = (): Error => new Error('late');

function open() {
  const clock = new FakeClock();
  const parent = new AbortController();
  return { clock, parent, scope: openScope(parent.signal, clock, 1_000, late) };
}

describe('a scope', () => {
  it('aborts when its time is up, and not before', async () => {
    const { clock, scope } = open();

    await clock.advance(999);
    const before = scope.signal.aborted;
    await clock.advance(1);

    expect([before, scope.signal.aborted, String(scope.signal.reason)]).toEqual([false, true, 'Error: late']);
  });

  it('aborts with its parent, and for the reason that the parent has', () => {
    const { parent, scope } = open();
    parent.abort('the end');

    expect([scope.signal.aborted, scope.signal.reason]).toEqual([true, 'the end']);
  });

  it('has the whole time again when it is extended', async () => {
    const { clock, scope } = open();
    await clock.advance(600);
    scope.extend();
    await clock.advance(600);

    expect(scope.signal.aborted).toBe(false);
  });

  it('leaves its signal alone once it has ended: the next scope may have it', async () => {
    const { clock, parent, scope } = open();
    scope.end();
    const next = openScope(new AbortController().signal, new FakeClock(), 1_000, late);
    expect(next.signal).toBe(scope.signal);

    scope.extend();
    scope.end();
    parent.abort();
    await clock.advance(5_000);
    const other = openScope(new AbortController().signal, new FakeClock(), 1_000, late);

    expect(next.signal.aborted).toBe(false);
    expect(other.signal).not.toBe(next.signal);
  });
});
