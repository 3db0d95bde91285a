import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/**
 * The plugin (dist/plugin, see `npm run build`) with all its packages as one CommonJS text, as Node's executables need it,
 * and the licences of these packages.
 */
export async function bundlePlugin() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    // Not the file itself, for its first line names an interpreter.
    stdin: { contents: "import './dist/plugin/main.js';", resolveDir: ROOT },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    logLevel: 'warning',
    plugins: [{ name: 'inside', setup: setInside }],
  });
  return { code: outputFiles[0].contents, licences: licencesOf(Object.keys(metafile.inputs)) };
}

function licencesOf(files) {
  const folders = files.flatMap((file) => file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []);
  // esbuild lists files in the same order each time.
  return [...new Set(folders)].flatMap((folder) => {
    const about = JSON.parse(readFileSync(`${ROOT}${folder}/package.json`, 'utf8'));
    const texts = readdirSync(`${ROOT}${folder}`).filter((file) =>
      /^(licen[cs]e|notice|copying)/i.test(file),
    );
    const parts = texts.map((file) => readFileSync(`${ROOT}${folder}/${file}`, 'utf8'));
    return [`${about.name} ${about.version}: ${about.license}`, ...parts];
  });
}

/** What is a file elsewhere is inside the bundle. */
function setInside({ onLoad }) {
  onLoad({ filter: /dist\/plugin\/version\.js$/ }, () => ({
    contents: `export const VERSION = ${JSON.stringify(version)};`,
  }));
}
