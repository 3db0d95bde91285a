/** The places that name the version, and whether they agree. */
import { readFileSync, readdirSync } from 'node:fs';
import { load } from 'js-yaml';
import { REGISTRY } from '../registry.mjs';

/** Commands in the pages that name a version of the image, of the chart or of a release. */
const NAMED = [
  /\bcloudjob-operator:v?(\d+\.\d+\.\d+[\w.-]*)/g,
  /\bhelm .*--version[ =]v?(\d+\.\d+\.\d+[\w.-]*)/g,
  /\/releases\/download\/v(\d+\.\d+\.\d+[\w.-]*)\//g,
];
const REMEDY = 'run "npm run crd" and commit it';

/**
 * @param root folder of the repository, with a slash at its end
 * @param version what is released, without "v"
 * @param tags the version tags of the commit, such as v0.1.0
 * @param final whether it is to be published: then nothing may be left under Unreleased
 * @returns a line for each difference: the place, what it says and what to do
 */
export function differences(root, { version, tags, final }) {
  const read = (path) => readFileSync(`${root}${path}`, 'utf8');
  const lock = JSON.parse(read('package-lock.json'));
  const chart = load(read('deploy/chart/Chart.yaml'));
  const image = `${REGISTRY}/cloudjob-operator`;
  const lines = [];
  const expect = (place, found, remedy) => {
    if (found !== version) lines.push(`${place} says ${found ?? 'nothing'}, not ${version}: ${remedy}`);
  };

  for (const tag of tags) expect(`the git tag ${tag}`, tag.slice(1), 'tag the commit of that version');
  expect('package.json', JSON.parse(read('package.json')).version, 'run "npm version --no-git-tag-version"');
  for (const found of new Set([lock.version, lock.packages[''].version]))
    expect('package-lock.json', found, 'run "npm install --package-lock-only"');
  expect('version of deploy/chart/Chart.yaml', chart.version, REMEDY);
  expect('appVersion of deploy/chart/Chart.yaml', chart.appVersion, REMEDY);
  expect('the label org.opencontainers.image.version of Dockerfile', label(read('Dockerfile')), REMEDY);
  const named = /^ *image: (\S*\/cloudjob-operator):(\S+)$/m.exec(read('deploy/install.yaml'));
  expect('the image of deploy/install.yaml', named?.[2], REMEDY);
  if (named !== null && named[1] !== image)
    lines.push(`deploy/install.yaml names the image ${named[1]}, not ${image}: ${REMEDY}`);
  lines.push(...changelog(read('CHANGELOG.md'), version, final));
  if (!read('docs/upgrading.md').includes(`\n## ${version}\n`))
    lines.push(`docs/upgrading.md has no section ${version}: write what to check when upgrading to it`);
  for (const page of pages(root)) {
    const found = NAMED.flatMap((pattern) => [...read(page).matchAll(pattern)].map(([, name]) => name));
    for (const name of new Set(found)) expect(page, name, 'change the commands on that page');
  }
  return lines;
}

/** @returns the section of a version in CHANGELOG.md, without its heading; undefined where it has none */
export function notes(text, version) {
  return sections(text).find(({ name }) => name === version)?.body;
}

function changelog(text, version, final) {
  const [unreleased, newest] = sections(text);
  if (unreleased?.name !== 'Unreleased')
    return ['CHANGELOG.md does not begin with Unreleased: add that section'];
  const lines = [];
  if (newest?.name !== version) {
    lines.push(
      `the newest version of CHANGELOG.md is ${newest?.name ?? 'missing'}, not ${version}: add its section`,
    );
  } else if (!/^\d{4}-\d{2}-\d{2}$/.test(newest.date ?? '')) {
    lines.push(`CHANGELOG.md has no date for ${version}: write "## [${version}] - YYYY-MM-DD"`);
  }
  if (final && unreleased.body !== '')
    lines.push(`CHANGELOG.md has entries under Unreleased: move them below ${version}`);
  return lines;
}

/** Of a page in the form of Keep a Changelog, without the links at its end. */
function sections(text) {
  return text
    .replaceAll(/^\[[^\]]+\]: .*\n?/gm, '')
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [, name, date] = /^\[([^\]]+)\](?: - (\S+))?/.exec(section) ?? [];
      return { name, date, body: section.replace(/^.*\n?/, '').trim() };
    });
}

function label(dockerfile) {
  return /org\.opencontainers\.image\.version="([^"]*)"/.exec(dockerfile)?.[1];
}

function pages(root) {
  const docs = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' });
  return [
    'README.md',
    'CONTRIBUTING.md',
    'deploy/chart/README.md',
    ...docs
      .filter((page) => page.endsWith('.md'))
      .toSorted()
      .map((page) => `docs/${page}`),
  ];
}
