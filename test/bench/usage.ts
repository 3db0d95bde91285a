import { readFileSync } from 'node:fs';

/** Of `/proc`: the kernel's ticks per second, which Linux fixes for all programs. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process so far, in milliseconds, user and system together, all its threads. Linux only. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may have spaces in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}

export interface Memory {
  /** Resident now, in bytes; the pages of the program's own file included. */
  readonly resident: number;
  /** The most that ever was resident. */
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { resident: field('VmRSS'), peak: field('VmHWM') };
}
