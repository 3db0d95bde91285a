import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { load } from 'js-yaml';
import * as z from 'zod';
import { isRecord } from '../../json.js';
import { KubeconfigError } from './access.js';

// Fields that are absent or null are empty, as in client-go.
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
/** Base64, which may be broken into lines. */
const data = text.transform((value) => value.replace(/[\r\n]/g, '')).pipe(z.base64());
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const namedList = <T extends z.ZodType<{ readonly name: string }>>(item: T) =>
  list(item).refine((items) => new Set(items.map(({ name }) => name)).size === items.length);
const orEmpty = <T extends z.ZodType>(schema: T) => z.preprocess((value) => value ?? {}, schema);

export const clusterSchema = z.object({
  server: text,
  'certificate-authority': text,
  'certificate-authority-data': data,
  'tls-server-name': text,
  'insecure-skip-tls-verify': flag,
  'proxy-url': text,
  'disable-compression': flag,
  extensions: list(z.object({ name: text, extension: z.unknown() })),
});
const execSchema = z.object({
  apiVersion: text,
  command: text,
  args: list(z.string()),
  env: list(z.object({ name: text, value: text })),
  installHint: text,
  interactiveMode: text,
  provideClusterInfo: flag,
});
export const userSchema = z.object({
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  'client-certificate': text,
  'client-certificate-data': data,
  'client-key': text,
  'client-key-data': data,
  as: text,
  'as-uid': text,
  'as-groups': list(z.string()),
  'as-user-extra': orEmpty(z.record(z.string(), list(z.string()))),
  exec: execSchema.nullish(),
  'auth-provider': z.object({ name: text, config: orEmpty(z.record(z.string(), z.unknown())) }).nullish(),
});
const contextSchema = z.object({ cluster: text, user: text, namespace: text });
const fileSchema = z.object({
  'current-context': text,
  contexts: namedList(z.object({ name: z.string(), context: orEmpty(contextSchema) })),
  clusters: namedList(z.object({ name: z.string(), cluster: orEmpty(clusterSchema) })),
  users: namedList(z.object({ name: z.string(), user: orEmpty(userSchema) })),
});

export type Cluster = z.output<typeof clusterSchema>;
export type User = z.output<typeof userSchema>;
export type ExecPluginSpec = z.output<typeof execSchema>;
export type AuthProvider = NonNullable<User['auth-provider']>;
type Context = z.output<typeof contextSchema>;

/** The content of one file, or of several merged; paths are absolute. */
export interface Kubeconfig {
  /** '' if no file has it. */
  currentContext: string;
  readonly contexts: Map<string, Context>;
  readonly clusters: Map<string, Cluster>;
  readonly users: Map<string, User>;
}

/**
 * Reads kubeconfigs as kubectl does: if several have an entry of one name, the first counts as a whole. Missing and empty
 * files are skipped, and unknown fields are ignored.
 *
 * @throws KubeconfigError when no file exists, or one cannot be read
 */
export function readKubeconfigs(files: readonly string[], where: string): Kubeconfig {
  const merged: Kubeconfig = {
    currentContext: '',
    contexts: new Map(),
    clusters: new Map(),
    users: new Map(),
  };
  let found = 0;
  for (const file of files) {
    const content = readIfThere(file);
    if (content === undefined) continue;
    found++;
    const { 'current-context': currentContext, contexts, clusters, users } = parse(content, file);
    const folder = dirname(resolve(file));
    merged.currentContext ||= currentContext;
    for (const { name, context } of contexts) addFirst(merged.contexts, name, context);
    for (const { name, cluster } of clusters) addFirst(merged.clusters, name, withPaths(cluster, folder));
    for (const { name, user } of users) addFirst(merged.users, name, withPaths(user, folder));
  }
  if (found === 0) throw new KubeconfigError(`${where}: the file does not exist`);
  return merged;
}

function addFirst<T>(all: Map<string, T>, name: string, value: T): void {
  if (!all.has(name)) all.set(name, value);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = isRecord(error) ? String(error['code']) : '';
    if (code === 'ENOENT') return undefined;
    throw new KubeconfigError(`kubeconfig ${file}: cannot be read (${code})`);
  }
}

/** An error of YAML or zod quotes the file, tokens included, so only the place is reported. */
function parse(content: string, file: string): z.output<typeof fileSchema> {
  let document: unknown;
  try {
    document = load(content);
  } catch (error) {
    const mark = isRecord(error) && isRecord(error['mark']) ? error['mark'] : {};
    const line = typeof mark['line'] === 'number' ? `line ${mark['line'] + 1}` : 'it';
    throw new KubeconfigError(`kubeconfig ${file}: ${line} is not valid YAML`);
  }
  const result = fileSchema.safeParse(document ?? {});
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path.join('.');
  throw new KubeconfigError(
    `kubeconfig ${file}: ${path ? `${path} is of the wrong type, or has a name twice` : 'it is not a kubeconfig'}`,
  );
}

const PATHS = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'] as const;

/** Paths are relative to the folder of their file; a command is a path if it has a slash. */
function withPaths<T extends Cluster | User>(fields: T, folder: string): T {
  const absolute: Record<string, unknown> = { ...fields };
  for (const name of PATHS) {
    const path = absolute[name];
    if (typeof path === 'string' && path !== '') absolute[name] = resolve(folder, path);
  }
  const exec = 'exec' in fields ? fields.exec : undefined;
  if (exec?.command.includes('/')) absolute['exec'] = { ...exec, command: resolve(folder, exec.command) };
  return absolute as T;
}
