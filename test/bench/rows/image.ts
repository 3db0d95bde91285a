import { measureImage } from '../image.js';
import type { Row } from '../bench.js';

/** What an image of the operator has in it beside Node: the packages of `npm ci --omit=dev` and the compiled program. */
export const image: Row = {
  name: 'image',
  run() {
    const { program, packages, dependencies } = measureImage(process.cwd());
    const size = (what: string, bytes: number) => ({ what, unit: 'MB', values: [bytes / 1e6] });
    const files = (what: string, count: number) => ({ what, unit: 'files', values: [count] });
    return Promise.resolve([
      size('packages', packages.bytes),
      files('packages', packages.files),
      size('program', program.bytes),
      files('program', program.files),
      ...dependencies.map(({ name, bytes }) => size(`only for ${name}`, bytes)),
    ]);
  },
};
