import type { Ref, World } from '../world.js';
import type { Verdict } from './verdict.js';

/**
 * What the real `kubectl wait` makes of an object that nobody changes any more: with the timeout 0 it looks once, and
 * it would see the same at any later time.
 */
export async function kubectlWaitVerdict(world: World, condition: string, ref: Ref): Promise<Verdict> {
  const args = ['-n', ref.namespace, 'wait', `cjob/${ref.name}`, `--for=${condition}`, '--timeout=0s'];
  const { code, stderr } = await world.kubectl(args);
  if (code === 0) return 'done';
  if (!/condition not met|timed out/.test(stderr)) throw new Error(stderr);
  return 'waits';
}
