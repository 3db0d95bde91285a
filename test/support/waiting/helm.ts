import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { KubeObject } from '../kubeClient.js';
import type { World } from '../world.js';
import type { Recorded } from './states.js';
import type { Verdict } from './verdict.js';

/** Seconds that Helm waits; longer each time when it has not seen the object by then, as on a busy machine. */
const TIMEOUTS = [2, 10, 30];

/**
 * What the real `helm install --wait`, which reads the object by kstatus, makes of an object that nobody changes any more:
 * a release takes the object over as it is. When its time is up, Helm says which status it has seen.
 */
export async function helmVerdict({ ref, object }: Recorded, world: World): Promise<Verdict> {
  const chart = mkdtempSync(join(tmpdir(), 'cloudjob-release-'));
  writeChart(chart, object);
  try {
    let stderr = '';
    for (const seconds of TIMEOUTS) {
      const install = ['upgrade', '--install', ref.name, chart, '--namespace', ref.namespace];
      const result = await world.helm([...install, '--take-ownership', '--wait', `--timeout=${seconds}s`]);
      if (result.code === 0) return 'done';
      ({ stderr } = result);
      const [, status] = /not ready\. status: (\w+)/.exec(stderr) ?? [];
      if (status === 'Failed') return 'fails';
      if (status === 'InProgress') return 'waits';
    }
    throw new Error(stderr);
  } finally {
    rmSync(chart, { recursive: true });
  }
}

function writeChart(folder: string, { apiVersion, kind, metadata: { name }, spec }: KubeObject): void {
  mkdirSync(join(folder, 'templates'));
  writeFileSync(join(folder, 'Chart.yaml'), dump({ apiVersion: 'v2', name, version: '1.0.0' }));
  writeFileSync(
    join(folder, 'templates/cloudjob.yaml'),
    dump({ apiVersion, kind, metadata: { name }, spec }),
  );
}
