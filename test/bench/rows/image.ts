import process from 'node:process';
import type { Row } from '../bench.js';
import { measureImage, type Size } from '../image.js';

/** What the image has in it: of an archive that `CLOUDJOB_BENCH_IMAGE` names, as `docker save` writes it. */
export const image: Row = {
  name: 'image',
  run() {
    const { CLOUDJOB_BENCH_IMAGE: archive } = process.env;
    if (!archive) return Promise.resolve({ skipped: 'CLOUDJOB_BENCH_IMAGE names no archive of the image' });
    const { compressedBytes, ...parts } = measureImage(archive);
    const size = (what: string, bytes: number) => ({ what, unit: 'MB', values: [bytes / 1e6] });
    const figures = (what: string, { files, bytes }: Size) => [
      size(what, bytes),
      { what, unit: 'files', values: [files] },
    ];
    return Promise.resolve([
      ...figures('whole', parts.whole),
      size('compressed', compressedBytes),
      ...figures('packages', parts.packages),
      ...figures('program', parts.program),
    ]);
  },
};
