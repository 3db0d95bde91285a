import { beforeEach, describe, expect, it } from '@jest/globals';
import { readCredentials } from '../../../src/cloud/credentials.js';
import type { SecretResult, SecretReader } from '../../../src/reconcile/ports.js';
import { SecretCache } from '../../../src/reconcile/secretCache.js';
import { FakeClock } from '../../support/fakeClock.js';

const FOUND: SecretResult = { kind: 'found', read: readCredentials({ token: 'dA==' }) };
const LONG_TOKEN = Buffer.alloc(16_384, 'x').toString('base64');

class FakeSecrets implements SecretReader {
  readonly reads: string[] = [];
  answer: () => Promise<SecretResult> = () => Promise.resolve(FOUND);

  read(namespace: string, name: string): Promise<SecretResult> {
    this.reads.push(`${namespace}/${name}`);
    return this.answer();
  }
}

describe('SecretCache', () => {
  let clock: FakeClock;
  let secrets: FakeSecrets;
  let cache: SecretCache;

  beforeEach(() => {
    clock = new FakeClock();
    secrets = new FakeSecrets();
    cache = new SecretCache(secrets, clock, new AbortController().signal);
  });

  it('reads a Secret once in five minutes', async () => {
    await cache.read('infra', 'cce', 'known');
    await clock.advance(299_999);
    await cache.read('infra', 'cce', 'known');
    const before = secrets.reads.length;
    await clock.advance(1);

    expect(await cache.read('infra', 'cce', 'known')).toEqual(FOUND);
    expect(before).toBe(1);
    expect(secrets.reads).toHaveLength(2);
  });

  it('keeps Secrets of the same name in different namespaces apart', async () => {
    await cache.read('infra', 'cce', 'known');
    await cache.read('shop', 'cce', 'known');

    expect(secrets.reads).toEqual(['infra/cce', 'shop/cce']);
  });

  it('reads it again for whoever doubts it, but not more than once a second', async () => {
    await cache.read('infra', 'cce', 'known');
    await clock.advance(999);
    await cache.read('infra', 'cce', 'renewed');
    const before = secrets.reads.length;
    await clock.advance(1);
    await cache.read('infra', 'cce', 'renewed');

    expect(before).toBe(1);
    expect(secrets.reads).toHaveLength(2);
  });

  it('reads the Secrets of a namespace that are doubted again and again at ten a second, and others at once', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `wrong-${index}`);
    const doubt = async (): Promise<void> => {
      await Promise.all(names.map((name) => cache.read('infra', name, 'renewed')));
    };
    await doubt();
    await cache.read('shop', 'cce', 'known');
    secrets.reads.length = 0;
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
      await doubt();
    }
    const ofOne = secrets.reads.length;
    await cache.read('shop', 'cce', 'renewed');

    expect(ofOne).toBeGreaterThan(500);
    expect(ofOne).toBeLessThan(700);
    expect(secrets.reads).toHaveLength(ofOne + 1);
  });

  it('shares one read between all who want it at once', async () => {
    const readers = Array.from({ length: 100 }, () => cache.read('infra', 'cce', 'renewed'));

    await Promise.all(readers);

    expect(secrets.reads).toHaveLength(1);
  });

  it.each(['missing', 'forbidden'] as const)('remembers for a second only that one is %s', async (kind) => {
    secrets.answer = () => Promise.resolve({ kind });
    await cache.read('infra', 'cce', 'known');
    await clock.advance(999);
    await cache.read('infra', 'cce', 'known');
    const before = secrets.reads.length;
    secrets.answer = () => Promise.resolve(FOUND);
    await clock.advance(1);

    expect(await cache.read('infra', 'cce', 'known')).toEqual(FOUND);
    expect(before).toBe(1);
  });

  it('passes on the failure of the API server, and remembers it for nobody', async () => {
    secrets.answer = () => Promise.reject(new Error('away'));

    await expect(cache.read('infra', 'cce', 'known')).rejects.toThrow('away');
    secrets.answer = () => Promise.resolve(FOUND);

    expect(await cache.read('infra', 'cce', 'known')).toEqual(FOUND);
  });

  async function readAll(count: number): Promise<number> {
    const before = secrets.reads.length;
    for (let index = 0; index < count; index += 1) await cache.read('infra', `cce-${index}`, 'known');
    return secrets.reads.length - before;
  }

  it('of more Secrets than it can remember reads the others again, and none of those that it remembers', async () => {
    expect(await readAll(20_000)).toBe(20_000);
    const others = await readAll(20_000);

    expect(others).toBeLessThan(10_000);
    expect(await readAll(20_000)).toBe(others);
  });

  it('counts how long they are', async () => {
    secrets.answer = () => Promise.resolve({ kind: 'found', read: readCredentials({ token: LONG_TOKEN }) });
    await readAll(2_000);

    expect(await readAll(2_000)).toBeGreaterThan(1_000);
  });

  it('lets go of Secrets that are too old to be of use, so that others can be remembered', async () => {
    await readAll(20_000);
    await clock.advance(300_000);

    await cache.read('infra', 'another', 'known');
    secrets.reads.length = 0;
    await cache.read('infra', 'another', 'known');

    expect(secrets.reads).toEqual([]);
  });
});
