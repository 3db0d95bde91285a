import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createWinstonLogger } from '../../../src/ops/logger.js';

describe('createWinstonLogger', () => {
  let written: string[];

  beforeEach(() => {
    written = [];
    // What winston takes for standard error, whichever console the tests run with.
    const { _stderr: standardError } = console as unknown as {
      readonly _stderr: { write(text: string): boolean };
    };
    jest.spyOn(standardError, 'write').mockImplementation((text) => {
      written.push(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('writes one JSON object a line: time, level, message, then the fields', () => {
    const logger = createWinstonLogger({ level: 'info', format: 'json' });

    logger.info('lease acquired', { namespace: 'infra', tries: 2, lines: 'a\nb' });

    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(
      /^\{"time":"\d{4}-\d\d-\d\dT[\d:.]+Z","level":"info","message":"lease acquired","namespace":"infra","tries":2,"lines":"a\\nb"\}\n$/,
    );
  });

  it('writes the same for people, still one line', () => {
    const logger = createWinstonLogger({ level: 'info', format: 'pretty' });

    logger.warn('watch broken', { namespace: 'infra', detail: 'gone\naway', left: { a: 1 } });

    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z WARN  watch broken namespace=infra detail="gone\\naway" left=\{"a":1\}\n$/,
    );
  });

  it.each([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ] as const)('at level %s writes %j', (level, expected) => {
    const logger = createWinstonLogger({ level, format: 'json' });

    for (const method of ['error', 'warn', 'info', 'debug'] as const) logger[method]('a message');

    expect(written.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(expected);
  });
});
