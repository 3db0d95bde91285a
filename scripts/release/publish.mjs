/** Puts what was made where people get it, and signs it with the identity of the workflow (keyless). */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { REGISTRY } from '../registry.mjs';
import { CHECKSUMS, filesOf, sha256 } from './files.mjs';
import { attempt, run } from './run.mjs';

const IMAGE = `${REGISTRY}/cloudjob-operator`;
const CHARTS = `${REGISTRY}/charts`;
const TOOLS = { skopeo: '--version', cosign: 'version', gh: '--version' };

/** @returns a line for each tool that is missing */
export function publishNeeds() {
  return Object.entries(TOOLS)
    .filter(([tool, version]) => attempt(tool, [version]) === undefined)
    .map(([tool]) => `${tool} is not installed: it publishes the release`);
}

/**
 * Pushes the image and the chart, signs both and the checksums, and creates the release of GitHub. The registry's credentials
 * are those of "docker login", GitHub's are in GH_TOKEN. The release comes last: what it names is there by then.
 * @param layout the OCI layout of the image
 * @param notes what the release says, in Markdown
 * @throws Error at the first step that fails
 */
export function publish({ out, layout, digest, version, notes }) {
  run('skopeo', ['copy', '--all', '--preserve-digests', `oci:${layout}`, `docker://${IMAGE}:${version}`]);
  sign(`${IMAGE}@${digest}`);
  run('helm', ['push', join(out, `cloudjob-operator-${version}.tgz`), `oci://${CHARTS}`]);
  const manifest = run('skopeo', ['inspect', '--raw', `docker://${CHARTS}/cloudjob-operator:${version}`]);
  sign(`${CHARTS}/cloudjob-operator@sha256:${sha256(manifest)}`);
  const sums = join(out, CHECKSUMS);
  run('cosign', ['sign-blob', '--yes', '--bundle', `${sums}.sigstore.json`, sums]);

  const files = [...filesOf(out), CHECKSUMS].map((name) => join(out, name));
  const kind = version.includes('-') ? ['--prerelease'] : [];
  run('gh', [
    'release',
    'create',
    `v${version}`,
    '--verify-tag',
    '--title',
    `v${version}`,
    '--notes',
    notes,
    ...kind,
    ...files,
  ]);
  const { GITHUB_OUTPUT: outputs } = process.env;
  // What the workflow attests.
  if (outputs) appendFileSync(outputs, `image=${IMAGE}\ndigest=${digest}\n`);
}

function sign(reference) {
  run('cosign', ['sign', '--yes', '--recursive', reference]);
}
