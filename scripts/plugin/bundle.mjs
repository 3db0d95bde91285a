import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/** The plugin (dist/plugin, see `npm run build`) with all its packages as one CommonJS text, as Node's executables need it. */
export async function bundlePlugin() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    // Not the file itself, for its first line names an interpreter.
    stdin: { contents: "import './dist/plugin/main.js';", resolveDir: ROOT },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    logLevel: 'warning',
    plugins: [{ name: 'inside', setup: setInside }],
  });
  return outputFiles[0].contents;
}

/** What is a file elsewhere is inside the bundle. */
function setInside({ onLoad }) {
  onLoad({ filter: /dist\/plugin\/version\.js$/ }, () => ({
    contents: `export const VERSION = ${JSON.stringify(version)};`,
  }));
}
