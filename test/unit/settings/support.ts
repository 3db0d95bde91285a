import { expect } from '@jest/globals';
import { UsageError } from '../../../src/commandLine.js';

/** What is said of settings that cannot be used. */
export function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  throw new Error('nothing was wrong');
}
