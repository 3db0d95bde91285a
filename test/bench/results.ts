import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Figure } from './figure.js';
import type { RowResult } from './report.js';

/** Where and when a row was measured. */
export interface Circumstances {
  /** The day, as `2026-01-31`. */
  readonly date: string;
  /** Version of Node. */
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** The Kubernetes API that was written to, if one was. */
  readonly api?: string;
  /** Fewer objects and runs than a full one has. */
  readonly quick: boolean;
}

export interface StoredRow extends RowResult {
  readonly measured: Circumstances;
}

/** The rows that a file has, which `writeResults` left there. */
export function readResults(file: string): readonly StoredRow[] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly rows: readonly StoredRow[] }).rows;
}

/** Writes the rows; others that the file has stay. */
export function writeResults(file: string, rows: readonly RowResult[], quick: boolean): void {
  const before = existsSync(file) ? readResults(file) : [];
  const others = before.filter(({ row }) => !rows.some((one) => one.row === row));
  const measured: Omit<Circumstances, 'api'> = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version.slice(1),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    quick,
  };
  const fresh = rows.map(({ row, figures, api }) => ({
    row,
    measured: { ...measured, ...(api !== undefined && { api }) },
    figures: figures.map(rounded),
  }));
  writeFileSync(file, `${JSON.stringify({ rows: [...others, ...fresh] }, undefined, 1)}\n`);
}

function rounded(figure: Figure): Figure {
  const round = (value: number): number => Number(value.toPrecision(4));
  return {
    ...figure,
    values: figure.values.map(round),
    ...(figure.against && {
      against: { ...figure.against, values: figure.against.values.map(round) },
    }),
  };
}
