import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../bench.js';
import { OPERATOR_ROOT } from '../operator.js';

/** Parts of `src` that the operator in a cluster does without. */
const APART = ['sandbox', 'plugin'];

/** How much there is to read. */
export const source: Row = {
  name: 'source',
  run() {
    const src = join(OPERATOR_ROOT, 'src');
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const counted = files.filter((name) => !APART.some((part) => name.startsWith(`${part}/`)));
    const lines = counted.map((name) => readFileSync(join(src, name), 'utf8').split('\n').length - 1);
    return Promise.resolve([
      {
        what: 'source without sandbox and plugin',
        unit: 'lines',
        values: [lines.reduce((sum, one) => sum + one, 0)],
      },
      {
        what: 'source in reconcile',
        unit: 'files',
        values: [files.filter((name) => name.startsWith('reconcile/')).length],
      },
    ]);
  },
};
