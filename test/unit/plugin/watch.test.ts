import { describe, expect, it } from '@jest/globals';
import { exitCodeOf } from '../../../src/plugin/commands/watch.js';
import type { KubeClient } from '../../../src/kube/client.js';
import { localError } from '../../../src/kube/errors.js';
import type { KubeObject } from '../../../src/kube/object.js';
import type { WatchEvent } from '../../../src/kube/watch.js';
import { watchUntilSettled, type WatchResult } from '../../../src/plugin/watch/session.js';
import { changeLines } from '../../../src/plugin/watch/changes.js';
import { fit, JSONView, LineView, LiveView, type WatchView } from '../../../src/plugin/watch/views.js';
import { Screen } from '../../../src/terminal/screen.js';
import { cloudJob, JOB_ID, progress } from '../../support/cloudJobs.js';
import { FakeClock, settle } from '../../support/fakeClock.js';
import { at, condition, ended, memoryOutput, NOW, seen, sub } from './support.js';

const running = seen({ phase: 'Running', message: 'It is running.' });

/** A cluster that holds the CloudJobs given, and sends what a test says. */
class OneWatch {
  readonly #events: WatchEvent[] = [];
  #wake: () => void = () => undefined;
  /** Lists and watches fail with this from now on. */
  failure: Error | undefined;
  calls = 0;

  constructor(private readonly objects: readonly unknown[]) {}

  send(kind: 'present' | 'deleted', object: unknown): void {
    this.#events.push({ kind, object: object as KubeObject });
    this.#wake();
  }

  breakOff(failure: Error): void {
    this.failure = failure;
    this.#wake();
  }

  client(): KubeClient {
    return {
      list: () => {
        this.calls += 1;
        if (this.failure !== undefined) return Promise.reject(this.failure);
        return Promise.resolve({ items: this.objects, resourceVersion: '1' });
      },
      watch: (_type: unknown, _options: unknown, signal: AbortSignal) => {
        this.calls += 1;
        if (this.failure !== undefined) return Promise.reject(this.failure);
        return Promise.resolve(this.#stream(signal));
      },
    } as unknown as KubeClient;
  }

  async *#stream(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    signal.addEventListener('abort', () => this.#wake());
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      if (signal.aborted) return;
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

function versioned(object: ReturnType<typeof seen>, resourceVersion: string) {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

/** Starts a watch of one CloudJob; `result` is set when it has ended. */
function start(object = running, timeoutMs = 3_600_000, listed: readonly unknown[] = [object]) {
  const cluster = new OneWatch(listed);
  const clock = new FakeClock(NOW);
  const stop = new AbortController();
  const shown: string[] = [];
  const view: WatchView = {
    show: (jobs, note) =>
      void shown.push([...jobs.map(({ status }) => status.phase ?? '-'), note ?? ''].join(' ')),
    end: () => void shown.push('end'),
  };
  const state: { result?: WatchResult } = {};
  const watch = async (): Promise<void> => {
    state.result = await watchUntilSettled([object], {
      client: cluster.client(),
      clock,
      random: () => 0.5,
      view,
      timeoutMs,
      signal: stop.signal,
    });
  };
  const watching = watch();
  return { cluster, clock, stop, shown, state, watching };
}

function outcomes(result: WatchResult | undefined) {
  return result?.kind === 'ended' ? result.outcomes.map(([, outcome]) => outcome) : result;
}

describe('a watch', () => {
  it('ends when the job does', async () => {
    const { cluster, state, watching, shown } = start();
    await settle();

    cluster.send('present', versioned(seen({ phase: 'Success', conditions: ended('True') }), '8'));
    await watching;

    expect(outcomes(state.result)).toEqual([{ kind: 'succeeded' }]);
    expect(shown.slice(-2)).toEqual(['Success ', 'end']);
  });

  it('opens no watch when the job has ended before', async () => {
    const { cluster, state, watching } = start(seen({ phase: 'Failed', conditions: ended('False') }));
    await watching;

    expect(outcomes(state.result)).toEqual([{ kind: 'failed' }]);
    expect(cluster.calls).toBe(0);
  });

  it('cannot tell how the job of a deleted CloudJob ends', async () => {
    const { cluster, state, watching } = start();
    await settle();

    cluster.send('deleted', running);
    await watching;

    expect(outcomes(state.result)).toEqual([{ kind: 'unknown', why: 'it was deleted' }]);
  });

  it('cannot tell either when the CloudJob was deleted before the watch was open', async () => {
    const { clock, state } = start(running, 3_600_000, []);

    await clock.advance(2000);

    expect(outcomes(state.result)).toEqual([{ kind: 'unknown', why: 'it was deleted' }]);
  });

  it('follows on when another CloudJob takes the name at once', async () => {
    const { cluster, state, watching } = start();
    await settle();
    const other = seen({ phase: 'Success', conditions: ended('True') });

    cluster.send('present', {
      ...other,
      metadata: { ...other.metadata, uid: 'another', resourceVersion: '9' },
    });
    await watching;

    expect(outcomes(state.result)).toEqual([{ kind: 'succeeded' }]);
  });

  it('gives up at its deadline', async () => {
    const { clock, state, watching } = start(running, 60_000);
    await clock.advance(59_000);
    expect(state.result).toBeUndefined();

    await clock.advance(1000);
    await watching;

    expect(outcomes(state.result)).toEqual([
      { kind: 'unknown', why: 'the job has not ended within --timeout' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('reports an interruption, goes on after it, and forgets it', async () => {
    const { cluster, clock, shown, stop, watching } = start();
    await settle();
    cluster.breakOff(localError('ConnectionFailed', 'the connection failed'));
    await settle();
    expect(shown.at(-1)).toBe('Running The watch was interrupted, trying again: the connection failed');

    cluster.failure = undefined;
    await clock.advance(5000);

    expect(shown.at(-1)).toBe('Running ');
    stop.abort();
    await watching;
  });

  it('cannot tell when the API server does not come back', async () => {
    const { cluster, clock, state, watching } = start();
    await settle();
    cluster.breakOff(localError('ConnectionFailed', 'the connection failed'));

    await clock.advance(125_000);
    await watching;

    expect(outcomes(state.result)).toEqual([
      {
        kind: 'unknown',
        why: 'the API server does not answer. The watch was interrupted, trying again: the connection failed',
      },
    ]);
  });

  it('can be interrupted', async () => {
    const { stop, state, watching, shown, clock } = start();
    await settle();

    stop.abort();
    await watching;

    expect(state.result).toEqual({ kind: 'interrupted' });
    expect(shown.at(-1)).toBe('end');
    expect(clock.pending).toBe(0);
  });
});

describe('the exit code', () => {
  const unknown = { kind: 'unknown', why: '' } as const;
  it.each([
    [[{ kind: 'succeeded' }], 0],
    [[{ kind: 'succeeded' }, { kind: 'failed' }], 1],
    [[unknown, { kind: 'failed' }], 1],
    [[{ kind: 'succeeded' }, unknown], 2],
  ] as const)('of %j', (results, code) => {
    expect(exitCodeOf(results)).toBe(code);
  });
});

describe('what changed', () => {
  const before = seen({
    phase: 'Running',
    message: 'Half of it.',
    progress: progress(2, { succeeded: 1, running: 1 }),
    subJobs: [
      sub('a', JOB_ID, 'Running', { type: 'InstallNode', reason: 'be patient' }),
      sub('b', JOB_ID, 'Success'),
    ],
  });

  it('is at first the job, and what has failed', () => {
    const object = {
      ...before,
      status: {
        ...before.status,
        subJobs: [sub('a', JOB_ID, 'Failed', { reason: 'no luck' }), sub('b', JOB_ID, 'Success')],
      },
    };

    expect(changeLines(undefined, object)).toEqual([
      'infra/scale-up  Running  1/2  Half of it.',
      'infra/scale-up  a: Failed  no luck',
    ]);
  });

  it('is later what differs, and nothing when nothing does', () => {
    const after = {
      ...before,
      status: {
        ...before.status,
        subJobs: [
          sub('a', JOB_ID, 'Failed', { type: 'InstallNode', reason: 'no luck' }),
          sub('b', JOB_ID, 'Success'),
        ],
      },
    };

    expect(changeLines(before, before)).toEqual([]);
    expect(changeLines(before, after)).toEqual(['infra/scale-up  InstallNode: Failed  no luck']);
  });

  it('names the reason of a job that nobody has seen', () => {
    expect(
      changeLines(undefined, seen({ conditions: [condition('Ready', 'Unknown', 'WaitingForCloud')] })),
    ).toEqual(['infra/scale-up  WaitingForCloud']);
    expect(changeLines(undefined, cloudJob())).toEqual(['infra/scale-up  -']);
  });
});

describe('the views', () => {
  const clock = new FakeClock(NOW);

  it('without a terminal: a line for each change, with its time; interruptions beside them, once', () => {
    const output = memoryOutput();
    const view = new LineView(output, clock);

    view.show([running], undefined);
    view.show([running], 'interrupted');
    view.show([running], 'interrupted');

    expect(output.lines).toEqual(['2026-03-01T10:05:00Z  infra/scale-up  Running  It is running.']);
    expect(output.complaints).toEqual(['interrupted']);
  });

  it('for programs: a line of JSON for each state', () => {
    const output = memoryOutput();
    const view = new JSONView(output);

    view.show([running]);
    view.show([running]);

    expect(output.lines.map((line) => JSON.parse(line))).toMatchObject([
      { phase: 'Running', outcome: 'pending' },
    ]);
  });

  it('on a terminal: the whole screen, drawn again for a new size, and the tree left behind in the end', () => {
    const written: string[] = [];
    let resize = (): void => undefined;
    const stream = {
      write: (text: string) => written.push(text) > 0,
      columns: 60,
      rows: 5,
      on: (_: string, listener: () => void) => void (resize = listener),
      off: () => undefined,
    };
    const output = memoryOutput();
    const view = new LiveView(output, new Screen(stream as never), clock);
    const job = seen({
      phase: 'Running',
      startTime: at(0),
      subJobs: [sub('a', JOB_ID, 'Running'), sub('b', JOB_ID, 'Running'), sub('c', JOB_ID, 'Running')],
    });

    view.show([job], 'The watch was interrupted, trying again: the connection to the API server failed');
    stream.rows = 20;
    resize();
    view.end();

    const [enter, small, large, leave] = written;
    expect(enter).toContain('\u001B[?1049h');
    expect(small?.split('\r\n')).toHaveLength(5);
    expect(small).toContain('… 3 more lines');
    expect(small).toMatch(/The watch was interrupted, trying again: the connection to …$/);
    expect(large).toContain('└─ ● c');
    expect(leave).toContain('\u001B[?1049l');
    expect(output.lines.at(-1)).toMatch(/^└─ ● c /);
  });

  it.each([
    [[3, 3], 10, [3, 3]],
    [[3, 9], 10, [3, 6]],
    [[9, 9], 9, [4, 4]],
    [[9, 9, 9], 4, [2, 2, 2]],
  ])('trees of %j lines share %i rows', (heights, rows, shown) => {
    const trees = heights.map((height, tree) =>
      Array.from({ length: height }, (_, line) => `${tree}.${line}`),
    );

    const blocks = fit(trees, rows).join('\n').split('\n\n');

    expect(blocks.map((block) => block.split('\n').length)).toEqual(shown);
  });
});
