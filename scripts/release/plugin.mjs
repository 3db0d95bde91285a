/** The archives of kubectl cloudjob and the manifest with which Krew installs it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { dump, load } from 'js-yaml';
import { sha256 } from './files.mjs';
import { run } from './run.mjs';

const EXECUTABLE = /^kubectl-cloudjob-(?<os>linux|darwin|windows)-(?<arch>amd64|arm64)(?<exe>\.exe)?$/;
/** As a zip has the rights of a file of Unix: in the upper half. */
const MODE = 0o755 << 16;
/** What every archive has beside the executable. */
const BESIDE = ['kubectl_complete-cloudjob', 'LICENSES.txt'];

/**
 * Makes kubectl-cloudjob-OS-ARCH.tar.gz (for Windows .zip) with the executable, the completion and the licenses, and
 * cloudjob.yaml for Krew.
 * @param executables folder with kubectl-cloudjob-OS-ARCH[.exe], OS and ARCH in Go's words, and with BESIDE
 * @param epoch time of the commit, in seconds
 * @returns the platforms, such as linux/amd64
 * @throws Error when the folder has no executable, or tar is not GNU's
 */
export function pluginArchives({ root, out, epoch, version, executables }) {
  const found = readdirSync(executables)
    .toSorted()
    .flatMap((name) => EXECUTABLE.exec(name)?.groups ?? []);
  if (found.length === 0) throw new Error(`${executables} has no kubectl-cloudjob-OS-ARCH`);
  const beside = Object.fromEntries([
    ...BESIDE.map((name) => [name, readFileSync(join(executables, name))]),
    ['LICENSE', readFileSync(join(root, 'LICENSE'))],
  ]);
  const { home } = load(readFileSync(join(root, 'deploy/chart/Chart.yaml'), 'utf8'));
  const platforms = found.map(({ os, arch, exe = '' }) => {
    const name = `kubectl-cloudjob-${os}-${arch}`;
    const program = readFileSync(join(executables, `${name}${exe}`));
    const bin = `kubectl-cloudjob${exe}`;
    const archive = os === 'windows' ? zip({ [bin]: program, ...beside }, epoch) : undefined;
    const file = `${name}${archive === undefined ? '.tar.gz' : '.zip'}`;
    const content = archive ?? tarball({ root, executables, name, epoch });
    writeFileSync(join(out, file), content);
    return {
      selector: { matchLabels: { os, arch } },
      uri: `${home}/releases/download/v${version}/${file}`,
      sha256: sha256(content),
      bin,
    };
  });
  writeFileSync(join(out, 'cloudjob.yaml'), dump(krewManifest(home, version, platforms), { lineWidth: 130 }));
  return found.map(({ os, arch }) => `${os}/${arch}`);
}

function krewManifest(homepage, version, platforms) {
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'cloudjob' },
    spec: {
      version: `v${version}`,
      homepage,
      shortDescription: 'Show CloudJobs, wait for them, find what is wrong',
      description:
        'Shows the CloudJobs of a cluster and the tree of their sub-jobs, waits for them in scripts, and finds out why one does ' +
        'not end. It needs the CustomResourceDefinition of the CloudJob operator.',
      platforms,
    },
  };
}

/** The rights of the files on this machine do not count, nor does who owns them. */
function tarball({ root, executables, name, epoch }) {
  const tar = run(
    'tar',
    [
      '--create',
      '--format=ustar',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      `--mtime=@${epoch}`,
      '--mode=0755',
      `--transform=s/^${name}$/kubectl-cloudjob/`,
      '--directory',
      executables,
      name,
      ...BESIDE,
      '--directory',
      root,
      'LICENSE',
    ],
    // Node and the plugin are in it.
    { maxBuffer: 512 * 1024 * 1024 },
  );
  return gzipSync(tar, { level: 9 });
}

/** A zip has no time zone: it gets the time of the commit in UTC, on each machine. */
function zip(files, epoch) {
  const utc = new Date(epoch * 1000);
  const mtime = new Date(utc.getTime() + utc.getTimezoneOffset() * 60_000);
  return Buffer.from(zipSync(files, { level: 9, mtime, os: 3, attrs: MODE }));
}
