import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A controller of the same job on client-go, where it lies beside the checkout. */
const ARCHIVE = '../shared/bench/twin/twin-linux-amd64.xz';
/** As large as it may be unpacked, in bytes. */
const MAX_BYTES = 256 * 1024 * 1024;

export interface Process {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

/** Why it cannot run here; undefined when it can. */
export function whyNoTwin(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the Go twin is built for Linux on x64';
  if (!existsSync(ARCHIVE)) return `there is no ${ARCHIVE}`;
  return undefined;
}

/** Unpacks it into a folder; the path of the program. */
export function unpackTwin(folder: string): string {
  const program = join(folder, 'twin');
  const bytes = execFileSync('xz', ['-dc', ARCHIVE], { maxBuffer: MAX_BYTES });
  writeFileSync(program, bytes, { mode: 0o700 });
  return program;
}

/** Starts it over all CloudJobs; it polls each after a fixed time and needs no Secret. */
export function startTwin(program: string, { kubeconfigFile, cloudURL, pollSeconds }: TwinOptions): Process {
  const child = spawn(
    program,
    ['-kubeconfig', kubeconfigFile, '-cce', cloudURL, '-poll', `${pollSeconds}s`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return {
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

interface TwinOptions {
  readonly kubeconfigFile: string;
  readonly cloudURL: string;
  readonly pollSeconds: number;
}
