/**
 * `npm test`: builds, then runs the unit tests and the other suites on the embedded Kubernetes API. Where there is a real
 * API server, most of them run on it instead, at the same time: there they spend most of their time waiting. It is the one
 * of the kubeconfig that CLOUDJOB_TEST_KUBECONFIG names (a throw-away cluster: the suites create namespaces and the CRD
 * in it), else one started from the binaries in KUBEBUILDER_ASSETS.
 *
 * Then the suites on real nodes, where CLOUDJOB_TEST_NODES names a folder with the image (`image.tar`): a cluster is started in it
 * with ../shared/node, as root, and stopped.
 *
 * Says which API server it used and what it skipped and why. The last line is `N passed, N failed`; the two numbers are
 * also written to the file named by CLOUDJOB_TEST_COUNTS.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const JEST = join(ROOT, 'node_modules/jest/bin/jest.js');
/** Starts and stops a cluster with real nodes. */
const CLUSTER = '../shared/node/cluster.sh';
/**
 * At the end of a step its process group is killed. The name server leaves that group a moment after it was started, so it
 * is started before the image is loaded, which takes seconds.
 */
const START_NODES = 'bash $0 $1 up 2; bash $0 $1 dns; bash $0 $1 load $1/image.tar';
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** The time that a step has to end after SIGTERM, in milliseconds. */
const STOP_DEADLINE_MS = 10_000;

/** The chaos suites for a real API server: those in which it is troubled, restored or filled. */
const REAL_CHAOS = 'test/chaos/(controlPlane|crashPoints|etcdRestore|lyingApi|scale|troubledApi)';
/** The suite that fills the memory also fills the cores: an operator beside others would lose its Lease. */
const MEMORY = 'test/chaos/tenants/memory';
/** The integration suites that prove that the embedded API is like a real one, and what tools make of both. */
const BOTH_APIS = 'test/integration/(conformance|waiting)';

/** Where a real API server is: its kubeconfig, or its binaries. */
const { CLOUDJOB_TEST_KUBECONFIG: REAL_KUBECONFIG, KUBEBUILDER_ASSETS: REAL_ASSETS } = process.env;

const temp = mkdtempSync(join(tmpdir(), 'cloudjob-test-'));
/** @type {{ passed: number, failed: number, skipped: string[] }} */
const total = { passed: 0, failed: 0, skipped: [] };
const summary = [];
let interruptedBy;
/** @type {Set<() => void>} Each stops a step that runs. */
const stops = new Set();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interruptedBy ??= signal;
    for (const stop of stops) stop();
  });
}

// Node ends a process when nothing but a promise is waited for; the summary is to be printed all the same.
const staysUp = setInterval(() => {}, 60_000);
try {
  await runAll();
} catch (error) {
  total.failed += 1;
  console.error(error);
} finally {
  clearInterval(staysUp);
  rmSync(temp, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
report();

async function runAll() {
  if ((await run('build', process.execPath, [TSC, '-p', 'tsconfig.build.json'])) !== 0) {
    total.failed += 1;
    summary.push('build: failed, so no test was run');
    return;
  }
  const ends = await Promise.allSettled([runHere(), runOnRealApi()]);
  for (const { reason } of ends.filter(({ status }) => status === 'rejected')) throw reason;
  await runJest('memory', ['--runInBand', MEMORY]);
  // They measure seconds, so nothing runs beside them.
  await runOnNodes();
}

/** Each suite has an API of its own in its process, and spends some of its time waiting: two run at once. */
async function runHere() {
  const hasRealApi = Boolean(REAL_KUBECONFIG || REAL_ASSETS);
  await runJest('unit tests', ['--maxWorkers=2', 'test/unit']);
  await runJest('integration on the embedded Kubernetes API', [
    '--maxWorkers=2',
    hasRealApi ? BOTH_APIS : 'test/integration',
  ]);
  const elsewhere = hasRealApi ? [MEMORY, REAL_CHAOS] : [MEMORY];
  await runJest('chaos on the embedded Kubernetes API', [
    // Beside the chaos on a real API server, two at once leave replicas too little of two cores to keep their Leases.
    hasRealApi ? '--runInBand' : '--maxWorkers=2',
    'test/chaos',
    ...elsewhere.map((suites) => `--testPathIgnorePatterns=${suites}`),
  ]);
  await runJest('alerting rules', ['--maxWorkers=2', 'test/monitoring']);
}

/** In a cluster of its own, with two nodes, whose network has no way out. Without an image the suites are skipped by name. */
async function runOnNodes() {
  const { CLOUDJOB_TEST_NODES: folder } = process.env;
  if (interruptedBy) return;
  try {
    if (folder && (await run('nodes', 'bash', ['-euc', START_NODES, CLUSTER, folder])) !== 0)
      throw new Error('the nodes did not start');
    await runJest('real nodes', ['--runInBand', '--testTimeout=180000', 'test/node']);
  } finally {
    if (folder) spawnSync('bash', [CLUSTER, folder, 'down'], { cwd: ROOT, stdio: 'inherit' });
  }
}

async function runOnRealApi() {
  if (interruptedBy) return;
  if (REAL_KUBECONFIG) {
    await runOn(REAL_KUBECONFIG, 'CLOUDJOB_TEST_KUBECONFIG');
    return;
  }
  if (!REAL_ASSETS) {
    summary.push(
      'integration on a real Kubernetes API: skipped, neither CLOUDJOB_TEST_KUBECONFIG nor KUBEBUILDER_ASSETS is set',
    );
    return;
  }
  const { startRealApi } = await import('../dist/sandbox/realApi.js');
  const api = await startRealApi({ assets: REAL_ASSETS });
  try {
    await runOn(api.kubeconfigPath, 'KUBEBUILDER_ASSETS');
  } finally {
    await api.close();
  }
}

async function runOn(kubeconfig, from) {
  await runJest(
    `integration on a real Kubernetes API (${from})`,
    ['--runInBand', 'test/integration'],
    kubeconfig,
  );
  await runJest('chaos on a real Kubernetes API', ['--runInBand', REAL_CHAOS], kubeconfig);
}

/** One run of jest. Suites that share a real API server run one after the other: each has an operator over all of it. */
async function runJest(label, args, kubeconfig) {
  if (interruptedBy) return;
  const outputFile = join(temp, `${label.replaceAll(/\W+/g, '-')}.json`);
  const code = await run(
    label,
    process.execPath,
    [JEST, '--ci', '--json', `--outputFile=${outputFile}`, ...args],
    kubeconfig,
  );
  const result = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined;
  const passed = result?.numPassedTests ?? 0;
  // Suites that do not load, and a jest that dies, have no failed tests to count.
  const broken = result?.numRuntimeErrorTestSuites ?? 0;
  const failed = Math.max((result?.numFailedTests ?? 0) + broken, code === 0 ? 0 : 1);
  const skipped = (result?.testResults ?? [])
    .flatMap((suite) => suite.assertionResults)
    .filter(({ status }) => status === 'pending' || status === 'todo')
    .map(({ fullName }) => `${label}: ${fullName}`);
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  summary.push(`${label}: ${passed} passed, ${failed} failed, ${skipped.length} skipped`);
}

/**
 * Runs a program in a process group of its own, so that all it started there can be stopped with it. The steps on a real
 * API server run beside the others: what they print appears when they have ended, in one piece.
 */
async function run(label, program, args, kubeconfig) {
  const env = { ...process.env };
  delete env.CLOUDJOB_TEST_KUBECONFIG;
  if (kubeconfig) env.CLOUDJOB_TEST_KUBECONFIG = kubeconfig;
  // What a killed step leaves behind goes away with the rest.
  env.TMPDIR = temp;
  env.NODE_OPTIONS =
    `${env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim();
  const printedFile = join(temp, `${label.replaceAll(/\W+/g, '-')}.txt`);
  const printed = kubeconfig ? openSync(printedFile, 'w') : 'inherit';
  if (!kubeconfig) heading(label);
  const child = spawn(program, args, {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', printed, printed],
  });
  let killTimer;
  const stop = () => {
    killGroup(child.pid, 'SIGTERM');
    killTimer ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), STOP_DEADLINE_MS);
  };
  stops.add(stop);
  try {
    const [code] = await once(child, 'exit');
    return code ?? 1;
  } finally {
    clearTimeout(killTimer);
    stops.delete(stop);
    killGroup(child.pid, 'SIGKILL');
    if (kubeconfig) {
      closeSync(printed);
      heading(label);
      process.stdout.write(readFileSync(printedFile));
    }
  }
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of the group is left.
  }
}

function heading(text) {
  console.log(`\n== ${text}`);
}

function report() {
  heading('summary');
  for (const line of summary) console.log(line);
  if (total.skipped.length > 0) {
    console.log(`skipped ${total.skipped.length}:`);
    for (const test of total.skipped) console.log(`  - ${test}`);
  }
  if (interruptedBy) {
    console.log(`stopped by ${interruptedBy} before the end`);
    total.failed += 1;
  }
  if (total.passed === 0 && total.failed === 0) total.failed = 1;
  const { CLOUDJOB_TEST_COUNTS: countsFile } = process.env;
  if (countsFile) writeFileSync(countsFile, `${total.passed} ${total.failed}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}
