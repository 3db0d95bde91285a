import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool, runToolSync, type ToolResult } from './tools.js';

/** The chart of this checkout. */
export const CHART = fileURLToPath(new URL('../../deploy/chart', import.meta.url));

/** Whether there is a Helm, which only some machines have of their own. */
export const hasHelm = runToolSync('helm', ['version']).code === 0;

/** Runs the real Helm on a cluster; what `input` holds is its standard input. Its caches go into `home`. */
export async function runHelm(
  kubeconfigFile: string,
  home: string,
  args: readonly string[],
  input = '',
): Promise<ToolResult> {
  const folder = join(home, 'helm');
  mkdirSync(folder, { recursive: true });
  const env = {
    KUBECONFIG: kubeconfigFile,
    HELM_CACHE_HOME: folder,
    HELM_CONFIG_HOME: folder,
    HELM_DATA_HOME: folder,
  };
  return runTool('helm', args, home, env, input);
}

/** What `helm template` makes of a release of that name in cloudjob-system. @param sets each `key=value`, the value in JSON */
export function helmTemplate(release: string, sets: readonly string[]): ToolResult {
  const values = sets.flatMap((set) => ['--set-json', set]);
  return runToolSync('helm', ['template', release, CHART, '--namespace', 'cloudjob-system', ...values]);
}
