import { afterEach, describe, expect, it } from '@jest/globals';
import type http from 'node:http';
import { systemClock } from '../../../src/clock.js';
import { KubeClient } from '../../../src/kube/client.js';
import { Informer } from '../../../src/kube/informer.js';
import type { InformerOptions } from '../../../src/kube/informer.js';
import type { KubeObject } from '../../../src/kube/object.js';
import type { WatchEnd } from '../../../src/kube/reflector.js';
import { HttpTransport } from '../../../src/kube/transport.js';
import { json, ScriptedServer, statusBody } from './scriptedServer.js';
import type { ScriptedRequest } from './scriptedServer.js';
import { half, MemoryLogger, object, plainAccess, until } from './support.js';

type Answer = (response: http.ServerResponse, request: ScriptedRequest) => void;

interface Rig {
  readonly informer: Informer<KubeObject>;
  readonly logger: MemoryLogger;
  /** What the handler was called with, as `+name`, `~name`, `-name`; `i` for initial. */
  readonly handled: string[];
  readonly ends: WatchEnd[];
  /** The lists and watches in order: `list`, `list continue=…`, `watch 5`; without the questions for the version. */
  calls(): string[];
  /** The field selectors of all lists and watches. */
  selectors(): (string | null)[];
  /** How many objects each list may have; null for watches. */
  limits(): (string | null)[];
}

const cleanups: (() => Promise<void> | void)[] = [];
const things = { group: 'ex.dev', version: 'v1', plural: 'things', namespaced: true };

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Answers {
  readonly lists: readonly Answer[];
  readonly watches: readonly Answer[];
  /** What is answered to the question for the version before a watch is opened again; one that is never too old if left out. */
  readonly versions?: readonly Answer[];
}

/** All are answered in turn; after the last watch, further ones stay open and silent. */
async function follow(
  { lists, watches, versions = [] }: Answers,
  options: Partial<InformerOptions<KubeObject>> = {},
): Promise<Rig> {
  const remaining = { lists: [...lists], watches: [...watches], versions: [...versions] };
  const server = await ScriptedServer.start((request, response) => {
    if (isQuestion(request)) (remaining.versions.shift() ?? list('1000000', []))(response, request);
    else if (request.query.has('watch')) (remaining.watches.shift() ?? open())(response, request);
    else (remaining.lists.shift() ?? ((unasked) => void unasked.writeHead(500).end()))(response, request);
  });
  const clock = systemClock;
  const transport = new HttpTransport({ access: plainAccess(server.url), clock, userAgent: 'test' });
  const logger = new MemoryLogger();
  const handled: string[] = [];
  const ends: WatchEnd[] = [];
  const informer = new Informer<KubeObject>({
    client: new KubeClient({ transport, clock, random: half }),
    type: things,
    namespaces: [],
    trim: (thing) => thing,
    handler: {
      added: ({ metadata }, initial) => void handled.push(`+${metadata.name}${initial ? ' i' : ''}`),
      modified: ({ metadata }, before) =>
        void handled.push(`~${metadata.name} ${before.metadata.resourceVersion}→${metadata.resourceVersion}`),
      deleted: ({ metadata }) => void handled.push(`-${metadata.name}`),
    },
    clock,
    random: half,
    logger,
    timings: { stallMs: 5000, shortWatchMs: 0, backoff: { baseMs: 4, maxMs: 20 } },
    onWatchEnd: (end) => void ends.push(end),
    ...options,
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  cleanups.push(
    () => server.stop(),
    () => transport.close(),
    () => running,
    () => stop.abort(),
  );
  const requests = () => server.requests.filter((request) => !isQuestion(request));
  const calls = (): string[] =>
    requests().map(({ query }) => {
      if (query.has('watch')) return `watch ${query.get('resourceVersion')}`;
      return query.has('continue') ? `list continue=${query.get('continue')}` : 'list';
    });
  const selectors = () => requests().map(({ query }) => query.get('fieldSelector'));
  const limits = () => requests().map(({ query }) => query.get('limit'));
  return { informer, logger, handled, ends, calls, selectors, limits };
}

function isQuestion({ query }: ScriptedRequest): boolean {
  return query.get('limit') === '1';
}

function list(resourceVersion: string, items: readonly KubeObject[], continueToken?: string): Answer {
  return (response) => json(response, 200, { metadata: { resourceVersion, continue: continueToken }, items });
}

/** Sends the lines and leaves the watch open. */
function open(...events: readonly unknown[]): Answer {
  return (response) => {
    response.flushHeaders();
    for (const event of events) response.write(`${JSON.stringify(event)}\n`);
  };
}

/** Sends the lines and ends the watch. */
function ended(...events: readonly unknown[]): Answer {
  return (response) => {
    open(...events)(response, {} as ScriptedRequest);
    response.end();
  };
}

function raw(text: string | Buffer): Answer {
  return (response) => void response.end(text);
}

function refused(code: number, reason: string): Answer {
  return (response) => json(response, code, statusBody(code, reason, reason));
}

const added = (thing: KubeObject) => ({ type: 'ADDED', object: thing });
const modified = (thing: KubeObject) => ({ type: 'MODIFIED', object: thing });
const deleted = (thing: KubeObject) => ({ type: 'DELETED', object: thing });
const bookmark = (resourceVersion: string) => ({
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion } },
});

describe('listing and watching', () => {
  it('selects by fields in every page and watch, or not at all', async () => {
    const lists = [list('7', [], 'more'), list('7', [])];
    const one = await follow({ lists, watches: [] }, { fieldSelector: 'metadata.name=a' });
    const all = await follow({ lists: lists.slice(1), watches: [] });

    await until(() => one.calls().length === 3 && all.calls().length === 2, 'the watches');

    expect(one.selectors()).toEqual(Array.from({ length: 3 }, () => 'metadata.name=a'));
    expect(all.selectors()).toEqual([null, null]);
  });

  it('reads all pages, then watches from the version of the list', async () => {
    const rig = await follow({
      lists: [list('7', [object('a', '1')], 'more'), list('7', [object('b', '2')])],
      watches: [open(added(object('c', '8')), modified(object('a', '9')), deleted(object('b', '10')))],
    });

    await until(() => rig.handled.length === 5, 'all changes');

    expect(rig.handled).toEqual(['+a i', '+b i', '+c', '~a 1→9', '-b']);
    expect(rig.calls()).toEqual(['list', 'list continue=more', 'watch 7']);
    expect([...rig.informer.values()].map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
    expect(rig.informer.get('ns/a')?.metadata.resourceVersion).toBe('9');
  });

  it('reads a page of long objects with fewer of them, and goes on so', async () => {
    const rig = await follow({
      lists: [
        raw('x'.repeat(5_000_000)),
        list('7', [object('a', '1')], 'more'),
        list('7', [object('b', '2')]),
      ],
      watches: [],
    });

    await until(() => rig.handled.length === 2, 'both objects');

    expect(rig.limits().slice(0, 3)).toEqual(['100', '25', '50']);
  });

  it('is synced by a whole list, not by its first page', async () => {
    let release = (): void => undefined;
    const rig = await follow({
      lists: [
        list('7', [object('a', '1')], 'more'),
        (response) => {
          release = () => list('7', [])(response, {} as ScriptedRequest);
        },
      ],
      watches: [],
    });
    await until(() => rig.calls().length === 2, 'the second page is asked for');

    const before = rig.informer.synced;
    release();
    await until(() => rig.informer.synced, 'synced');

    expect(before).toBe(false);
  });

  it('goes on from the last version, without a list, when the server ends a watch', async () => {
    const rig = await follow({
      lists: [list('7', [])],
      watches: [ended(added(object('a', '8'))), ended(bookmark('20')), open()],
    });

    await until(() => rig.calls().length === 4, 'the third watch');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'watch 8', 'watch 20']);
    expect(rig.ends).toEqual(['ended', 'ended']);
  });

  it('says nothing of what it has seen already', async () => {
    const rig = await follow({
      lists: [list('7', [object('a', '1')])],
      watches: [
        open(added(object('a', '1')), modified(object('a', '8')), modified(object('a', '8')), bookmark('9')),
      ],
    });

    await until(() => rig.handled.length >= 2, 'the change');
    await until(() => rig.informer.get('ns/a')?.metadata.resourceVersion === '8', 'stored');

    expect(rig.handled).toEqual(['+a i', '~a 1→8']);
  });

  it('reports deletion and addition of an object that came back with another uid', async () => {
    const rig = await follow({
      lists: [list('7', [object('a', '1', 'first')])],
      watches: [
        open(
          modified(object('a', '9', 'second')),
          deleted(object('a', '8', 'first')),
          added(object('b', '10')),
        ),
      ],
    });

    await until(() => rig.handled.includes('+b'), 'the last event');

    expect(rig.handled).toEqual(['+a i', '-a', '+a', '+b']);
    expect(rig.informer.get('ns/a')?.metadata.uid).toBe('second');
  });

  it('keeps what trim leaves of an object', async () => {
    const trim = ({ metadata }: KubeObject): KubeObject => ({ metadata });
    const fat = { ...object('a', '1'), spec: 'large' };
    const rig = await follow({ lists: [list('7', [fat])], watches: [] }, { trim });

    await until(() => rig.informer.synced, 'synced');

    expect(rig.informer.get('ns/a')).toEqual(object('a', '1'));
  });

  it('follows several namespaces in one store', async () => {
    const answer: Answer = (response, { path }) => {
      const namespace = path.split('/')[5] ?? '';
      const metadata = { namespace, name: 'a', uid: namespace, resourceVersion: '1' };
      list('7', [{ metadata }])(response, {} as ScriptedRequest);
    };
    const rig = await follow({ lists: [answer, answer], watches: [] }, { namespaces: ['one', 'two', 'one'] });

    await rig.informer.untilReady(new AbortController().signal);

    expect(rig.informer.synced).toBe(true);
    expect([rig.informer.get('one/a'), rig.informer.get('two/a')]).toMatchObject([
      { metadata: { uid: 'one' } },
      { metadata: { uid: 'two' } },
    ]);
  });
});

describe('a namespace of several that cannot be read', () => {
  const forbidden = 'GET /apis/ex.dev/v1/namespaces/lost/things: 403 Forbidden: Forbidden';
  let isLost: boolean;

  /** Two namespaces: one that is served, and one that is refused while `isLost` says so. */
  async function followTwo(): Promise<Rig> {
    const answer: Answer = (response, request) => {
      const namespace = request.path.split('/')[5] ?? '';
      if (isLost && namespace === 'lost') return refused(403, 'Forbidden')(response, request);
      list('7', [{ metadata: { namespace, name: namespace, uid: namespace, resourceVersion: '1' } }])(
        response,
        request,
      );
    };
    const lists = Array.from({ length: 100 }, () => answer);
    return follow({ lists, watches: [] }, { namespaces: ['lost', 'good'] });
  }

  it('does not keep the others waiting, and is followed when it can be read', async () => {
    isLost = true;
    const rig = await followTwo();
    await rig.informer.untilReady(new AbortController().signal);
    await until(() => rig.calls().length > 5, 'several attempts');
    const during = [...rig.informer.problems()];

    isLost = false;
    await until(() => rig.informer.problems().get('lost') === undefined, 'the namespace that is back');

    expect(during).toEqual([
      ['lost', forbidden],
      ['good', undefined],
    ]);
    expect(rig.handled).toEqual(['+good i', '+lost i']);
  });

  it('is logged once, however often it is tried, and once more when it is back', async () => {
    isLost = true;
    const rig = await followTwo();
    await until(() => rig.calls().length > 5, 'several attempts');
    isLost = false;
    await until(() => rig.informer.problems().get('lost') === undefined, 'the namespace that is back');

    const about = rig.logger.lines.filter(({ fields }) => fields['namespace'] === 'lost');
    expect(about.filter(({ level }) => level !== 'debug').map(({ message }) => message)).toEqual([
      'list or watch interrupted, trying again',
      'cache synced',
      'list and watch work again',
    ]);
  });

  it('is waited for until it was tried, and all are while none can be read', async () => {
    const held: (() => void)[] = [];
    const answer: Answer = (response, request) =>
      void held.push(() => refused(403, 'Forbidden')(response, request));
    const lists = [list('7', []), answer];
    const late = await follow({ lists, watches: [] }, { namespaces: ['good', 'late'] });
    const none = await follow({ lists: [], watches: [] }, { namespaces: ['lost', 'gone'] });
    await until(() => held.length === 1 && none.calls().length > 5, 'all attempts');

    const before = [late.informer.ready, none.informer.ready];
    for (const answerNow of held) answerNow();
    await late.informer.untilReady(new AbortController().signal);

    expect([...before, late.informer.ready, none.informer.ready]).toEqual([false, false, true, false]);
  });
});

it('is not waited for when whoever waits is stopped', async () => {
  const rig = await follow({ lists: [], watches: [] });

  await rig.informer.untilReady(AbortSignal.abort());

  expect(rig.informer.synced).toBe(false);
});

describe('an object that a write has shown to be stale', () => {
  const signal = new AbortController().signal;
  const ref = { namespace: 'ns', name: 'a' };

  it.each<[string, string, Answer, string[]]>([
    ['is read anew', '1', (response) => json(response, 200, object('a', '9')), ['+a i', '~a 1→9']],
    ['is forgotten when it is gone', '1', refused(404, 'NotFound'), ['+a i', '-a']],
    ['is not read when the watch has brought it meanwhile', '0', refused(500, 'InternalError'), ['+a i']],
  ])('%s', async (_, seen, answer, handled) => {
    const rig = await follow({ lists: [list('7', [object('a', '1')]), answer], watches: [] });
    await until(() => rig.informer.synced, 'synced');

    await rig.informer.refresh(ref, seen, signal);

    expect(rig.handled).toEqual(handled);
  });

  it('is kept while the API server does not serve its resource', async () => {
    const unserved: Answer = (response) => json(response, 404, { paths: ['/api'] });
    const rig = await follow({ lists: [list('7', [object('a', '1')]), unserved], watches: [] });
    await until(() => rig.informer.synced, 'synced');

    await expect(rig.informer.refresh(ref, '1', signal)).rejects.toThrow('404 HTTP404');

    expect(rig.handled).toEqual(['+a i']);
  });

  it('stays as the watch delivers it, if that arrives during the read', async () => {
    let answerWatch = (): void => undefined;
    const rig = await follow({
      lists: [
        list('7', [object('a', '1')]),
        (response) => {
          answerWatch();
          void until(() => rig.informer.get('ns/a')?.metadata.resourceVersion === '12', 'the watch').then(
            () => json(response, 200, object('a', '11')),
          );
        },
      ],
      watches: [
        (response) => {
          response.flushHeaders();
          answerWatch = () => void response.write(`${JSON.stringify(modified(object('a', '12')))}\n`);
        },
      ],
    });
    await until(() => rig.calls().length === 2, 'the watch');

    await rig.informer.refresh(ref, '1', signal);

    expect(rig.handled).toEqual(['+a i', '~a 1→12']);
  });

  it('stays as it is when it cannot be read', async () => {
    const rig = await follow({
      lists: [list('7', [object('a', '1')]), refused(500, 'InternalError')],
      watches: [],
    });
    await until(() => rig.informer.synced, 'synced');

    await expect(rig.informer.refresh(ref, '1', signal)).rejects.toThrow();

    expect(rig.handled).toEqual(['+a i']);
  });
});

describe('a version that is too old', () => {
  const gone = { type: 'ERROR', object: statusBody(410, 'Expired', 'too old resource version') };

  it.each<[string, Answer]>([
    ['as the answer', refused(410, 'Expired')],
    ['as an event', open(gone)],
  ])('(%s) leads to a new list, which brings what was missed', async (_, watch) => {
    const rig = await follow({
      lists: [
        list('7', [
          object('kept', '1'),
          object('gone', '2'),
          object('changed', '3'),
          object('again', '4', 'x'),
        ]),
        list('50', [
          object('kept', '1'),
          object('changed', '40'),
          object('again', '41', 'y'),
          object('new', '42'),
        ]),
      ],
      watches: [watch, open()],
    });

    await until(() => rig.calls().length === 4, 'the second watch');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'list', 'watch 50']);
    expect(rig.handled.slice(4)).toEqual(['-gone', '~changed 3→40', '-again', '+again', '+new']);
    expect(rig.ends).toEqual(['expired']);
  });

  it('between two pages starts the list again', async () => {
    const rig = await follow({
      lists: [list('7', [object('a', '1')], 'more'), refused(410, 'Expired'), list('9', [object('b', '2')])],
      watches: [],
    });

    await until(() => rig.informer.synced, 'synced');

    expect(rig.handled).toEqual(['+b i']);
    expect(rig.calls().slice(0, 3)).toEqual(['list', 'list continue=more', 'list']);
  });
});

describe('a version that the server does not have, because etcd was restored from a backup', () => {
  const before = list('90', [
    object('kept', '1'),
    object('created later', '80'),
    object('changed later', '85'),
    object('deleted and created later', '86', 'y'),
  ]);
  const restored = list('50', [
    object('kept', '1'),
    object('changed later', '40'),
    object('deleted and created later', '41', 'x'),
    object('deleted later', '42'),
  ]);
  const tooLarge = {
    ...statusBody(504, 'Timeout', 'Timeout: Too large resource version: 90, current: 50'),
    details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
  };

  it.each<[string, Answer, readonly Answer[]]>([
    ['is noticed when a watch was ended', ended(bookmark('95')), [list('50', [])]],
    ['is noticed when a watch was reset', (response) => response.socket?.resetAndDestroy(), [list('50', [])]],
    ['is noticed when a watch accepted it and is silent', open(), [list('50', [])]],
    ['is noticed when versions have one digit fewer', ended(), [list('9', [])]],
    ['may be the answer to a watch', (response) => json(response, 504, tooLarge), []],
    ['may be an event of a watch', open({ type: 'ERROR', object: tooLarge }), []],
    ['may be the answer to the question', ended(), [(response) => json(response, 504, tooLarge)]],
  ])('%s, and leads to a new list, which replaces the cache', async (_, watch, versions) => {
    const rig = await follow(
      { lists: [before, restored], watches: [watch, open(modified(object('kept', '51')))], versions },
      { timings: { stallMs: 500, shortWatchMs: 0, backoff: { baseMs: 4, maxMs: 20 } } },
    );

    await until(() => rig.handled.length === 10, 'the event after the restore');

    expect(rig.calls().slice(0, 4)).toEqual(['list', 'watch 90', 'list', 'watch 50']);
    expect(rig.handled.slice(4)).toEqual([
      '-created later',
      '~changed later 85→40',
      '-deleted and created later',
      '+deleted and created later',
      '+deleted later',
      '~kept 1→51',
    ]);
    expect(rig.logger.lines.map(({ message }) => message)).toContain('list or watch expired, listing again');
  });

  it.each<[string, string]>([
    ['the same version', '90'],
    ['a later one', '100'],
    ['one that cannot be compared', 'opaque'],
  ])('is not suspected where the server answers with %s', async (_, version) => {
    const rig = await follow({ lists: [before], watches: [ended(), open()], versions: [list(version, [])] });

    await until(() => rig.calls().length === 3, 'the second watch');

    expect(rig.calls()).toEqual(['list', 'watch 90', 'watch 90']);
  });
});

describe('faults', () => {
  const good = open(added(object('a', '8')));
  const partial = JSON.stringify(added(object('x', '8'))).slice(0, 30);

  it.each<[string, Answer]>([
    ['a refusal', refused(500, 'InternalError')],
    ['an ERROR event', open({ type: 'ERROR', object: statusBody(500, 'InternalError', 'etcd') })],
    ['a reset before the headers', (response) => response.socket?.resetAndDestroy()],
    [
      'a reset in the middle of a line',
      (response) => void response.write(partial, () => response.socket?.resetAndDestroy()),
    ],
    ['an end in the middle of a line', raw(partial)],
    ['garbage', raw('<html>nonsense\n')],
    ['bytes that are no text', raw(Buffer.from([0xff, 0xfe, 0x0a]))],
    ['an event of an unknown type', raw('{"type":"SURPRISE","object":{}}\n')],
    ['an event without an object', raw('{"type":"ADDED"}\n')],
    ['an object without metadata', raw('{"type":"ADDED","object":{"kind":"Thing"}}\n')],
    ['a line that is not an object', raw('[1,2]\nnull\n')],
    ['a bookmark without a version', raw('{"type":"BOOKMARK","object":{}}\n')],
  ])('%s on the watch: opens it again where it was, without a list', async (_, fault) => {
    const rig = await follow({ lists: [list('7', [])], watches: [fault, good] });

    await until(() => rig.handled.length === 1, 'the event after the fault');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'watch 7']);
    expect(rig.ends).toEqual(['failed']);
  });

  it('a refused list: tries again until it is granted', async () => {
    const rig = await follow({
      lists: [
        refused(500, 'InternalError'),
        refused(403, 'Forbidden'),
        raw('not JSON'),
        raw('{"items":[]}'),
        list('7', [object('a', '1')]),
      ],
      watches: [],
    });

    await until(() => rig.informer.synced, 'synced');

    expect(rig.handled).toEqual(['+a i']);
  });

  it.each<[string, Answer]>([
    ['is refused', refused(400, 'BadRequest')],
    // As while etcd is restored: by the time that the server is back, its versions may have overtaken the old ones.
    ['has no connection', (response) => response.socket?.resetAndDestroy()],
  ])('a watch that %s again and again: lists again, in case the version is to blame', async (_, fault) => {
    const rig = await follow({ lists: [list('7', []), list('3', [])], watches: [fault, fault, fault] });

    await until(() => rig.calls().length === 6, 'the watch after the list');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'watch 7', 'watch 7', 'list', 'watch 3']);
  });

  it('a watch that loses its connection now and then: does not list', async () => {
    const cut = raw(`${JSON.stringify(bookmark('8'))}\n${partial}`);
    const rig = await follow({ lists: [list('7', [])], watches: [cut, cut, cut, cut] });

    await until(() => rig.calls().length === 6, 'the fifth watch');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'watch 8', 'watch 8', 'watch 8', 'watch 8']);
  });

  it('a watch that is throttled: waits for the Retry-After, and does not list', async () => {
    const rig = await follow({
      lists: [list('7', [])],
      watches: [
        (response) => {
          response.setHeader('Retry-After', '0.05');
          json(response, 429, statusBody(429, 'TooManyRequests', 'later'));
        },
        good,
      ],
    });

    await until(() => rig.handled.length === 1, 'the event');

    expect(rig.calls()).toEqual(['list', 'watch 7', 'watch 7']);
    expect(rig.logger.lines.find(({ level }) => level === 'warn')?.fields['retryInMs']).toBe(50);
  });

  it('a silent watch: opens it again at once', async () => {
    const rig = await follow(
      { lists: [list('7', [])], watches: [open(bookmark('8')), good] },
      { timings: { stallMs: 1000, shortWatchMs: 0, backoff: { baseMs: 60_000, maxMs: 60_000 } } },
    );

    await until(() => rig.handled.length === 1, 'the event');

    expect(rig.calls().slice(0, 3)).toEqual(['list', 'watch 7', 'watch 8']);
    expect(rig.ends[0]).toBe('stalled');
  });

  it('a watch that never answers: gives it up, too', async () => {
    const rig = await follow(
      { lists: [list('7', [])], watches: [() => undefined, good] },
      { timings: { stallMs: 1000, shortWatchMs: 0, backoff: { baseMs: 60_000, maxMs: 60_000 } } },
    );

    await until(() => rig.handled.length === 1, 'the event');

    expect(rig.ends[0]).toBe('stalled');
  });

  it('watches that end at once: waits longer and longer instead of spinning', async () => {
    const rig = await follow(
      { lists: [list('7', [])], watches: Array.from({ length: 4 }, () => ended()) },
      { timings: { stallMs: 5000, shortWatchMs: 5000, backoff: { baseMs: 4, maxMs: 20 } } },
    );

    await until(() => rig.calls().length === 6, 'the fifth watch');

    const waits = rig.logger.lines
      .filter(({ level }) => level === 'warn')
      .map(({ fields }) => fields['retryInMs']);
    expect(waits).toEqual([3, 6, 12, 15]);
  });

  it('waits are short again after a watch that worked', async () => {
    const broken = refused(503, 'ServiceUnavailable');
    const rig = await follow({
      lists: [list('7', [])],
      watches: [broken, broken, ended(bookmark('8')), broken, open()],
    });

    await until(() => rig.calls().length === 6, 'the last watch');

    const waits = rig.logger.lines
      .filter(({ message }) => message.startsWith('list or watch interrupted'))
      .map(({ fields }) => fields['failures']);
    expect(waits).toEqual([1, 2, 1]);
  });

  it('are reported, with what failed', async () => {
    const reported: unknown[][] = [];
    const broken = refused(503, 'ServiceUnavailable');
    const rig = await follow(
      {
        lists: [broken, list('7', []), list('9', [])],
        watches: [open(bookmark('8')), broken, refused(410, 'Expired'), good],
      },
      {
        timings: { stallMs: 500, shortWatchMs: 0, backoff: { baseMs: 4, maxMs: 20 } },
        onWatchEnd: (...report) => void reported.push(report),
      },
    );

    await until(() => rig.handled.length === 1, 'the event');

    expect(reported).toMatchObject([
      ['failed', { status: 503 }],
      ['stalled', { reason: 'Stalled' }],
      ['failed', { status: 503 }],
      ['expired', { status: 410 }],
    ]);
    const logged = rig.logger.lines.filter(({ fields }) => 'retryInMs' in (fields ?? {}));
    expect(logged.map(({ fields }) => [fields?.['failures'], fields?.['retryInMs']])).toEqual([
      [1, 3],
      [0, 0],
      [1, 3],
      [2, 6],
    ]);
  });

  it('a handler that throws: is logged, and the next changes are reported', async () => {
    const seen: string[] = [];
    const handler = {
      added({ metadata }: KubeObject) {
        seen.push(metadata.name);
        if (metadata.name === 'bad') throw new Error('handler bug');
      },
      modified: () => undefined,
      deleted: () => undefined,
    };
    const rig = await follow(
      {
        lists: [list('7', [object('bad', '1'), object('good', '2')])],
        watches: [open(added(object('c', '8')))],
      },
      { handler },
    );

    await until(() => seen.length === 3, 'all three');

    expect(rig.calls()).toEqual(['list', 'watch 7']);
    expect(rig.logger.lines).toContainEqual({
      level: 'error',
      message: 'a handler of cluster changes failed',
      fields: { resource: 'things', namespace: '*', key: 'ns/bad', change: 'added', error: 'handler bug' },
    });
  });

  it('an object that cannot be trimmed: is left out alone', async () => {
    const trim = (thing: KubeObject): KubeObject => {
      if (thing.metadata.name === 'bad') throw new Error('hostile');
      return thing;
    };
    const rig = await follow(
      { lists: [list('7', [object('bad', '1'), object('a', '2')])], watches: [] },
      { trim },
    );

    await until(() => rig.informer.synced, 'synced');

    expect(rig.handled).toEqual(['+a i']);
  });
});

describe('liveness', () => {
  it('is renewed by every attempt, so that an outage, however long, is not taken for a process that is stuck', async () => {
    const rig = await follow({
      lists: Array.from({ length: 9 }, () => refused(500, 'InternalError')),
      watches: [],
    });
    const before = rig.informer.lastActivity;

    await until(() => rig.informer.lastActivity > before, 'activity');

    expect(rig.informer.synced).toBe(false);
  });

  it('is renewed by every bookmark', async () => {
    let send = (): void => undefined;
    const rig = await follow({
      lists: [list('7', [])],
      watches: [
        (response) => {
          response.flushHeaders();
          send = () => void response.write(`${JSON.stringify(bookmark('8'))}\n`);
        },
      ],
    });
    await until(() => rig.informer.synced && rig.calls().length === 2, 'watching');
    const before = rig.informer.lastActivity;

    send();
    await until(() => rig.informer.lastActivity > before, 'activity');

    expect(rig.handled).toEqual([]);
  });
});
