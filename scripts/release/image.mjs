/** The image of a release, as an OCI layout: a folder with index.json, from which it is pushed as it is. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './run.mjs';

/** What the image is built for. */
const PLATFORMS = ['linux/amd64', 'linux/arm64'];
/** How long a builder may take to start, with the pull of its image. */
const BOOTSTRAP_MS = 180_000;

/**
 * What this machine lacks to build the image.
 * @returns a sentence, or undefined when nothing is missing
 */
export function imageNeeds() {
  const builder = attempt('docker', ['buildx', 'inspect', '--bootstrap'], { timeout: BOOTSTRAP_MS });
  if (builder === undefined) return 'needs docker with buildx and a running builder';
  if (/^Driver: +docker$/m.test(builder))
    return 'needs a builder that writes OCI layouts: docker buildx create --use';
  const missing = PLATFORMS.filter((platform) => !builder.includes(platform));
  return missing.length === 0
    ? undefined
    : `needs a builder for ${missing.join(' and ')}: docker run --privileged --rm tonistiigi/binfmt --install all`;
}

/**
 * Builds the image into `layout`. Every time in it is that of the commit. It holds no attestations, because they have times of
 * their own: the workflow adds them to the digest.
 * @param root folder of the repository
 * @param epoch time of the commit, in seconds
 * @param labels of the image, beside those of the Dockerfile
 * @throws Error when the build fails
 */
export function buildImage({ root, layout, epoch, labels }) {
  const flags = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
  run(
    'docker',
    [
      'buildx',
      'build',
      '--platform',
      PLATFORMS.join(','),
      '--provenance=false',
      '--sbom=false',
      ...flags,
      '--build-arg',
      `SOURCE_DATE_EPOCH=${epoch}`,
      '--output',
      `type=oci,tar=false,rewrite-timestamp=true,dest=${layout}`,
      root,
    ],
    { env: { SOURCE_DATE_EPOCH: `${epoch}` } },
  );
}

/**
 * @returns the digest under which a registry has the image of an OCI layout
 * @throws Error when the folder holds none, or more than one
 */
export function imageDigest(layout) {
  const index = join(layout, 'index.json');
  const { manifests = [] } = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')) : {};
  const [image, ...others] = manifests;
  if (image === undefined || others.length > 0) throw new Error(`${layout} is no OCI layout with one image`);
  return image.digest;
}
