/** The files of a release that need no builder. What is made of one commit is the same wherever it is made. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.mjs';

export const CHECKSUMS = 'SHA256SUMS';

/**
 * The archive of the chart. Helm writes the times of the files into it, so it gets copies with the time of the commit.
 * @param root folder of the repository
 * @param epoch time of the commit, in seconds
 * @throws Error when Helm is missing or refuses the chart
 */
export function packageChart({ root, out, epoch }) {
  const temp = mkdtempSync(join(tmpdir(), 'cloudjob-chart-'));
  try {
    const chart = join(temp, 'chart');
    cpSync(join(root, 'deploy/chart'), chart, { recursive: true });
    for (const name of readdirSync(chart, { recursive: true, encoding: 'utf8' }))
      utimesSync(join(chart, name), epoch, epoch);
    run('helm', ['package', chart, '--destination', out]);
  } finally {
    rmSync(temp, { recursive: true });
  }
}

/** install.yaml with the digest of the image behind its tag. @throws Error when it does not name the image once */
export function installManifest({ root, out, digest }) {
  const yaml = readFileSync(join(root, 'deploy/install.yaml'), 'utf8');
  const [before, image, after, ...more] = yaml.split(/^( *image: \S+)$/m);
  if (image === undefined || more.length > 0) throw new Error('deploy/install.yaml does not name one image');
  writeFileSync(join(out, 'install.yaml'), `${before}${image}@${digest}${after}`);
}

export function crd({ root, out }) {
  cpSync(join(root, 'crds/cloudjob.dev_cloudjobs.yaml'), join(out, 'crds.yaml'));
}

/**
 * The bill of materials. npm names it by the folder, the time and a random number: here it is by the package, the time of
 * the commit and the content.
 */
export function sbom({ root, out, epoch }) {
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const bom = JSON.parse(run('npm', ['run', '--silent', 'sbom'], { cwd: root }));
  bom.metadata.timestamp = new Date(epoch * 1000).toISOString();
  bom.metadata.component.name = name;
  delete bom.serialNumber;
  // Of a hash, in the form of a UUID of version 8: "custom", as RFC 9562 has it.
  const uuid = sha256(JSON.stringify(bom)).replace(
    /^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/,
    '$1-$2-8$3-8$4-$5',
  );
  const { $schema, bomFormat, specVersion, ...rest } = bom;
  writeJson(join(out, 'sbom.cdx.json'), {
    $schema,
    bomFormat,
    specVersion,
    serialNumber: `urn:uuid:${uuid}`,
    ...rest,
  });
}

/** The checksums of all files of the folder, as `sha256sum --check` reads them. */
export function checksums({ out }) {
  const lines = filesOf(out).map((name) => `${sha256(readFileSync(join(out, name)))}  ${name}\n`);
  writeFileSync(join(out, CHECKSUMS), lines.join(''));
}

/** The names of the files that people download, without the folder that holds the image. */
export function filesOf(out) {
  return readdirSync(out, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== CHECKSUMS)
    .map(({ name }) => name)
    .toSorted();
}

export function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
