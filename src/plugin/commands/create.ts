import { createReadStream } from 'node:fs';
import { isAlreadyExists } from '../../kube/errors.js';
import { isRecord } from '../../json.js';
import { CLOUD_JOBS } from '../../api/cloudjob.js';
import { UsageError } from '../../commandLine.js';
import type { Flags } from '../flags.js';
import { readReply } from '../cloudReply.js';
import { CommandError, problemOf, type Cluster } from '../cluster.js';
import { makeManifest, manifestYAML, type Manifest } from '../manifest.js';
import { EXIT, jsonLines, type CommandContext } from './context.js';

/** In bytes; the cloud's replies are a few KB. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/**
 * Makes a CloudJob from a reply of the cloud.
 *
 * @param withCluster called only with `--apply`: a manifest needs no cluster
 * @throws UsageError, CommandError
 */
export async function create(
  flags: Flags,
  withCluster: (work: (cluster: Cluster) => Promise<string>) => Promise<string>,
  { output, signal, stdin }: CommandContext,
): Promise<number> {
  const file = flags.fromResponse;
  if (file === undefined) {
    throw new UsageError('create: --from-response FILE is missing (- is standard input)');
  }
  const where = file === '-' ? 'standard input' : file;
  const reply = readReply(await readAll(file === '-' ? stdin : createReadStream(file), where));
  if (reply.kind === 'problem') throw new CommandError(`${where}: ${reply.problem}`);
  const made = makeManifest(reply.jobID, flags);
  if (made.kind === 'problem') throw new UsageError(`create: ${made.problem}`);
  if (!flags.apply) {
    output.print(
      flags.output === 'json' ? jsonLines(made.manifest) : manifestYAML(made.manifest).trimEnd().split('\n'),
    );
    return EXIT.ok;
  }
  output.print([await withCluster((cluster) => applyManifest(made.manifest, cluster, signal))]);
  return EXIT.ok;
}

/** Creates the CloudJob if it does not exist yet; returns a line with the result. @throws CommandError */
export async function applyManifest(
  manifest: Manifest,
  { client, namespace }: Cluster,
  signal: AbortSignal,
): Promise<string> {
  const { name } = manifest.metadata;
  const what = `CloudJob ${namespace}/${name}`;
  try {
    await client.create(CLOUD_JOBS, namespace, manifest, signal);
    return `${what} created; "kubectl cloudjob watch ${name} -n ${namespace}" follows it`;
  } catch (error) {
    if (!isAlreadyExists(error)) throw problemOf(error, what);
  }
  const { spec } = await client.get(CLOUD_JOBS, { namespace, name }, signal).catch((error: unknown) => {
    throw problemOf(error, what);
  });
  if (isRecord(spec) && spec['jobID'] === manifest.spec['jobID'])
    return `${what} unchanged: it already follows this job`;
  throw new CommandError(`${what} exists and follows another job; choose another name with --name`);
}

async function readAll(stream: NodeJS.ReadableStream, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MAX_REPLY_BYTES) throw new CommandError(`${where}: is longer than ${MAX_REPLY_BYTES} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = isRecord(error) && typeof error['code'] === 'string' ? error['code'] : 'unreadable';
    throw new CommandError(`${where}: cannot be read (${code})`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
