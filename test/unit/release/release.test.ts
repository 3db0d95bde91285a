import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { TOOLS_PATH } from '../../../scripts/tools.mjs';
import { hasHelm } from '../../support/helm.js';
import { describeWhen } from '../../support/skips.js';
import { runTool, type ToolResult } from '../../support/tools.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** What the release reads, and the scripts themselves. */
const PARTS =
  'scripts deploy docs crds package.json package-lock.json LICENSE Dockerfile README.md CONTRIBUTING.md CHANGELOG.md .gitignore'.split(
    ' ',
  );
const COMMITTED = '2026-01-02T03:04:06Z';
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

const temp = mkdtempSync(join(tmpdir(), 'cloudjob-release-'));
const origin = join(temp, 'origin');
let copies = 0;

beforeAll(async () => {
  mkdirSync(origin);
  for (const part of PARTS) cpSync(join(root, part), join(origin, part), { recursive: true });
  await git(origin, 'init', '--quiet');
  await commit(origin, 'A version');
});

afterAll(() => {
  rmSync(temp, { recursive: true });
});

describe('what is released agrees on the version', () => {
  it.each<[string, string, string, RegExp]>([
    ['package.json', `"version": "${version}"`, '"version": "9.9.9"', /^package.json says 9.9.9/m],
    ['package-lock.json', `"version": "${version}"`, '"version": "9.9.9"', /^package-lock.json says 9.9.9/m],
    [
      'deploy/chart/Chart.yaml',
      `\nversion: ${version}`,
      '\nversion: 9.9.9',
      /^version of deploy\/chart\/Chart.yaml says 9.9.9/m,
    ],
    [
      'deploy/chart/Chart.yaml',
      `appVersion: ${version}`,
      'appVersion: 9.9.9',
      /^appVersion of .* says 9.9.9/m,
    ],
    [
      'deploy/install.yaml',
      `cloudjob-operator:${version}`,
      'cloudjob-operator:9.9.9',
      /^the image of deploy\/install.yaml says 9.9.9/m,
    ],
    [
      'deploy/install.yaml',
      'image: ghcr.io/',
      'image: docker.io/',
      /^deploy\/install.yaml names the image docker.io/m,
    ],
    [
      'Dockerfile',
      `version="${version}"`,
      'version="9.9.9"',
      /^the label org.opencontainers.image.version of Dockerfile says 9.9.9/m,
    ],
    ['CHANGELOG.md', `\n## [${version}]`, '\n## [9.9.9]', /^the newest version of CHANGELOG.md is 9.9.9/m],
    ['CHANGELOG.md', `\n## [${version}] - `, `\n## [${version}] on `, /^CHANGELOG.md has no date/m],
    ['CHANGELOG.md', '\n## [Unreleased]', '\n## [Soon]', /^CHANGELOG.md does not begin with Unreleased/m],
    ['docs/upgrading.md', `\n## ${version}\n`, '\n## 9.9.9\n', /^docs\/upgrading.md has no section/m],
    [
      'docs/install.md',
      `cloudjob-operator:${version}`,
      'cloudjob-operator:9.9.9',
      /^docs\/install.md says 9.9.9/m,
    ],
  ])('and %s is named when it does not: %s', async (path, from, to, line) => {
    const folder = await checkout();
    const text = readFileSync(join(folder, path), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(folder, path), text.replace(from, to));

    const { code, stderr } = await release(folder, '--dry-run', '--version', version);

    expect(stderr).toMatch(line);
    expect(code).toBe(1);
  });

  it('and a tag of another version is named, with entries that would be in no version', async () => {
    const folder = await checkout();
    const changelog = readFileSync(join(folder, 'CHANGELOG.md'), 'utf8');
    writeFileSync(
      join(folder, 'CHANGELOG.md'),
      changelog.replace('## [Unreleased]', '## [Unreleased]\n\n- Something'),
    );
    await git(folder, 'tag', 'v8.8.8');

    const { code, stderr } = await release(folder, '--dry-run', '--version', version);

    expect(stderr).toContain(`the git tag v8.8.8 says 8.8.8, not ${version}: `);
    expect(stderr).toContain(`CHANGELOG.md has entries under Unreleased: move them below ${version}`);
    expect(code).toBe(1);
  });

  it('and nothing is published from a commit without its tag, or from what is in no commit', async () => {
    const folder = await checkout();
    writeFileSync(join(folder, 'LICENSE'), 'Another one');

    const { code, stderr } = await release(folder);

    expect(stderr).toContain(`this commit has no tag v${version}: git tag v${version}`);
    expect(stderr).toContain('the checkout has changes that are in no commit');
    expect(code).toBe(1);
  });
});

describeWhen(hasHelm, 'there is no Helm')('a dry run', () => {
  it('makes the same files of one commit, in another folder and another time zone', async () => {
    const layout = ociLayout(join(temp, 'layout'));
    const [first, second] = [await checkout(), await checkout()];
    const args = [...dryRun(), '--image', layout];

    const one = await release(first, ...args);
    const other = await runScript(second, { TZ: 'Asia/Tokyo' }, ...args);

    expect(one.stderr).toBe('');
    expect(one.code).toBe(0);
    expect(other.stdout).toBe(one.stdout);
    const out = join(first, 'dist/release');
    expect(readdirSync(out).toSorted()).toEqual([
      'SHA256SUMS',
      `cloudjob-operator-${version}.tgz`,
      'cloudjob.yaml',
      'crds.yaml',
      'install.yaml',
      'kubectl-cloudjob-darwin-arm64.tar.gz',
      'kubectl-cloudjob-linux-amd64.tar.gz',
      'kubectl-cloudjob-windows-amd64.zip',
      'sbom.cdx.json',
    ]);
    for (const file of readdirSync(out))
      expect([file, sha256(join(second, 'dist/release', file))]).toEqual([file, sha256(join(out, file))]);

    const check = 'cd "$0" && sha256sum --check --strict SHA256SUMS';
    const sums = await runTool('sh', ['-c', check, out], temp);
    expect(sums.stdout.match(/: OK$/gm)).toHaveLength(readdirSync(out).length - 1);
    expect(sums.code).toBe(0);
    const install = readFileSync(join(out, 'install.yaml'), 'utf8');
    expect(install).toMatch(new RegExp(`^ +image: \\S+/cloudjob-operator:${version}@${DIGEST}$`, 'm'));
    expect(install.replace(`@${DIGEST}`, '')).toBe(readFileSync(join(root, 'deploy/install.yaml'), 'utf8'));
    const bom = JSON.parse(readFileSync(join(out, 'sbom.cdx.json'), 'utf8')) as {
      metadata: { timestamp: string; component: { name: string } };
    };
    expect(bom.metadata.timestamp).toBe('2026-01-02T03:04:06.000Z');
    expect(bom.metadata.component.name).toBe('cloudjob-operator');
    await expectKrewInstalls(out);
  });

  it('says what it could not make and what that needs, and does not make it up', async () => {
    const folder = await checkout();

    const { code, stdout } = await runScript(folder, builder('exit 1'), ...dryRun());

    expect(stdout).toContain(
      'not made: the image, needs docker with buildx and a running builder, or --image',
    );
    expect(stdout).toContain('not made: install.yaml, needs the digest of the image');
    expect(readdirSync(join(folder, 'dist/release'))).not.toContain('install.yaml');
    expect(code).toBe(0);
  });

  it('says which processor a builder cannot build for', async () => {
    const inspect = 'echo "Driver: docker-container"; echo "Platforms: linux/amd64, linux/386"';

    const { stdout } = await runScript(await checkout(), builder(inspect), ...dryRun());

    expect(stdout).toContain('not made: the image, needs a builder for linux/arm64: ');
  });

  it('has buildx build both images with the time of the commit and takes their digest', async () => {
    const folder = await checkout();
    const layout = ociLayout(join(temp, 'built'));
    const asked = join(temp, 'asked');
    const script = `if [ "$2" = inspect ]; then echo "Driver: docker-container"; echo "Platforms: linux/amd64, linux/arm64"; exit; fi
echo "$*" > ${asked}; cp -r ${layout} ${folder}/dist/release/image`;

    const { stdout } = await runScript(folder, builder(script), ...dryRun());

    expect(stdout).toContain(`image ${DIGEST}\n`);
    const epoch = Date.parse(COMMITTED) / 1000;
    const command = readFileSync(asked, 'utf8');
    expect(command).toMatch(
      /^buildx build --platform linux\/amd64,linux\/arm64 --provenance=false --sbom=false /,
    );
    expect(command).toContain(`--build-arg SOURCE_DATE_EPOCH=${epoch} `);
    expect(command).toContain(`rewrite-timestamp=true,dest=${folder}/dist/release/image ${folder}`);
    expect(readFileSync(join(folder, 'dist/release/install.yaml'), 'utf8')).toContain(`@${DIGEST}\n`);
  });
});

/** A clone of the commit, with the packages of this checkout. */
async function checkout(): Promise<string> {
  copies += 1;
  const folder = join(temp, `copy-${copies}`);
  await git(temp, 'clone', '--quiet', origin, folder);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

async function release(folder: string, ...args: string[]): Promise<ToolResult> {
  return runScript(folder, {}, ...args);
}

async function runScript(
  folder: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<ToolResult> {
  return runTool(process.execPath, [join(folder, 'scripts/release/main.mjs'), ...args], temp, {
    TZ: 'UTC',
    ...env,
  });
}

async function git(folder: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runTool('git', ['-C', folder, ...args], temp, {
    GIT_AUTHOR_DATE: COMMITTED,
    GIT_COMMITTER_DATE: COMMITTED,
  });
  if (code !== 0) throw new Error(stderr);
}

async function commit(folder: string, message: string): Promise<void> {
  // A link is no folder to git, so the pattern with a slash does not match it.
  writeFileSync(join(folder, '.gitignore'), 'node_modules\ndist\n');
  await git(folder, 'add', '--all');
  await git(
    folder,
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.com',
    'commit',
    '--quiet',
    '-m',
    message,
  );
}

/** Stands for docker: a shell script in front of the PATH. */
function builder(script: string): Record<string, string> {
  const folder = mkdtempSync(join(temp, 'docker-'));
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'docker'), 0o755);
  return { PATH: `${folder}:${TOOLS_PATH}` };
}

function ociLayout(folder: string): string {
  mkdirSync(folder);
  const manifests = [{ mediaType: 'application/vnd.oci.image.index.v1+json', digest: DIGEST, size: 1 }];
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  return folder;
}

/** Without the executables of the plugin, which take minutes. */
function dryRun(): string[] {
  return ['--dry-run', '--executables', pluginExecutables()];
}

function pluginExecutables(): string {
  const folder = join(temp, 'executables');
  mkdirSync(folder, { recursive: true });
  for (const name of ['kubectl_complete-cloudjob', 'LICENSES.txt']) writeFileSync(join(folder, name), name);
  for (const name of ['linux-amd64', 'darwin-arm64', 'windows-amd64.exe'])
    writeFileSync(join(folder, `kubectl-cloudjob-${name}`), `#!/bin/sh\necho ${name}\n`);
  return folder;
}

/** What Krew does: it checks the archive, unpacks it and runs `bin`. */
async function expectKrewInstalls(out: string): Promise<void> {
  const manifest = load(readFileSync(join(out, 'cloudjob.yaml'), 'utf8')) as {
    apiVersion: string;
    spec: {
      version: string;
      platforms: { selector: { matchLabels: object }; uri: string; sha256: string; bin: string }[];
    };
  };
  expect(manifest.apiVersion).toBe('krew.googlecontainertools.github.com/v1alpha2');
  expect(manifest.spec.version).toBe(`v${version}`);
  expect(manifest.spec.platforms).toHaveLength(3);
  for (const { uri, sha256: expected, bin, selector } of manifest.spec.platforms) {
    expect(uri).toContain(`/releases/download/v${version}/`);
    const archive = join(out, uri.slice(uri.lastIndexOf('/') + 1));
    expect(sha256(archive)).toBe(expected);
    if (archive.endsWith('.zip')) continue;
    const unpacked = mkdtempSync(join(temp, 'krew-'));
    expect(await runTool('tar', ['-xzf', archive, '-C', unpacked], temp)).toMatchObject({ code: 0 });
    const { os, arch } = selector.matchLabels as { os: string; arch: string };
    expect(await runTool(join(unpacked, bin), [], temp)).toMatchObject({ stdout: `${os}-${arch}\n` });
    expect(readdirSync(unpacked)).toEqual(['LICENSE', 'LICENSES.txt', bin, 'kubectl_complete-cloudjob']);
  }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
