/**
 * `npm run release`: checks that all places agree on the version, makes the files of a release in a folder and publishes them.
 * With --dry-run it publishes nothing, and what this machine cannot make is left out and named. Two runs on one commit make the
 * same files.
 *
 *     --dry-run             publishes nothing
 *     --version VERSION     what is released; otherwise the version tag of this commit, without one that of package.json
 *     --out FOLDER          where the files go: a new or empty one; default dist/release, which is emptied
 *     --image FOLDER        an OCI layout with the image that was built before, instead of building it
 *     --executables FOLDER  executables of the plugin that were built before, instead of building them
 */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CHECKSUMS, checksums, crd, filesOf, installManifest, packageChart, sbom } from './files.mjs';
import { buildImage, imageDigest, imageNeeds } from './image.mjs';
import { pluginArchives } from './plugin.mjs';
import { publish, publishNeeds } from './publish.mjs';
import { attempt, run } from './run.mjs';
import { differences, notes } from './versions.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEFAULT_OUT = join(ROOT, 'dist/release');
const PLUGIN_BUILD = join(ROOT, 'scripts/plugin/build.mjs');

try {
  process.exitCode = release(options()) ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function release({ dryRun, version, final, tags, out, image, executables }) {
  const problems = differences(ROOT, { version, tags, final });
  const changes = git('status', '--porcelain');
  const commit = git('rev-parse', 'HEAD');
  if (!dryRun) {
    if (!tags.includes(`v${version}`))
      problems.push(`this commit has no tag v${version}: git tag v${version}`);
    if (changes) problems.push('the checkout has changes that are in no commit: commit or remove them');
    problems.push(...publishNeeds());
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) return false;
  console.log(`version ${version}: all places agree`);
  if (changes)
    console.log(
      'note: the checkout has changes that are in no commit, so the files are not those of a commit',
    );

  emptyFolder(out);
  const epoch = commitTime();
  const common = { root: ROOT, out, epoch, version };
  packageChart(common);
  crd(common);
  sbom(common);
  makePlugin(common, executables);
  const missing = makeImage(common, image, commit);
  checksums(common);
  for (const line of readFileSync(join(out, CHECKSUMS), 'utf8').trim().split('\n')) console.log(line);
  for (const line of missing) console.log(`not made: ${line}`);
  if (dryRun) return true;
  if (missing.length > 0) throw new Error('nothing is published: a release has all files');

  const layout = image ?? join(out, 'image');
  const text = notes(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'), version);
  publish({ out, layout, digest: imageDigest(layout), version, notes: text });
  console.log(`published ${filesOf(out).length} files, the image and the chart`);
  return true;
}

/** The image, and install.yaml, which names its digest. @returns what is missing */
function makeImage(common, given, commit) {
  const layout = given ?? join(common.out, 'image');
  if (given === undefined) {
    const needs = imageNeeds();
    if (needs !== undefined)
      return [`the image, ${needs}, or --image`, 'install.yaml, needs the digest of the image'];
    buildImage({ ...common, layout, labels: { 'org.opencontainers.image.revision': commit ?? 'unknown' } });
  }
  const digest = imageDigest(layout);
  console.log(`image ${digest}`);
  installManifest({ ...common, digest });
  return [];
}

function makePlugin(common, given) {
  const folder = given ?? join(ROOT, 'dist/plugin-bin');
  if (given === undefined) run(process.execPath, [PLUGIN_BUILD], { cwd: ROOT, stdio: 'inherit' });
  console.log(`plugin ${pluginArchives({ ...common, executables: folder }).join(', ')}`);
}

function options() {
  const { values } = parseArgs({
    options: {
      'dry-run': { type: 'boolean', default: false },
      version: { type: 'string' },
      out: { type: 'string', default: DEFAULT_OUT },
      image: { type: 'string' },
      executables: { type: 'string' },
    },
  });
  const tags = (git('tag', '--points-at', 'HEAD') ?? '').split('\n').filter((tag) => /^v\d/.test(tag));
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return {
    dryRun: values['dry-run'],
    version: (values.version ?? tags[0] ?? version).replace(/^v/, ''),
    tags,
    final: values.version !== undefined || tags.length > 0 || !values['dry-run'],
    out: resolve(values.out),
    image: values.image && resolve(values.image),
    executables: values.executables && resolve(values.executables),
  };
}

function emptyFolder(out) {
  if (out === DEFAULT_OUT) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0) throw new Error(`--out: ${out} is not empty`);
}

/** In seconds. Outside of a checkout SOURCE_DATE_EPOCH gives it. */
function commitTime() {
  const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? git('show', '--no-patch', '--format=%ct', 'HEAD'));
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new Error('the time of the commit is not known: set SOURCE_DATE_EPOCH to it, in seconds');
  return seconds;
}

/** @returns what git says, or undefined where there is no checkout */
function git(...args) {
  return attempt('git', args, { cwd: ROOT })?.trim();
}
