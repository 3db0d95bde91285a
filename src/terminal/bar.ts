import cliProgress from 'cli-progress';

/**
 * A bar of `width` terminal columns that is full when `done` is `total`.
 *
 * @param done 0 to `total`
 */
export function bar(done: number, total: number, width: number): string {
  return cliProgress.Format.BarFormat(total === 0 ? 0 : Math.min(1, done / total), {
    barsize: width,
    barCompleteString: '█'.repeat(width),
    barIncompleteString: '░'.repeat(width),
    barGlue: '',
  });
}
