import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';

/** Whether Prometheus' own tester of rules is on this machine. */
export const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

/** The samples of one scrape, by series as the exposition format writes it: `name{label="value"}`. */
export type Scrape = ReadonlyMap<string, number>;

/** Reads the exposition format as far as prom-client writes it. */
export function readScrape(text: string): Scrape {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, series, value] = /^([a-z_]\S*?(?:\{.*\})?) (\S+)$/i.exec(line) ?? [];
    if (series !== undefined) samples.set(series, Number(value));
  }
  return samples;
}

/** A run of the operator, in three scrapes. */
export interface Recording {
  /** While all was well. */
  readonly before: Scrape;
  /** In trouble, and again `seconds` later. */
  readonly during: Scrape;
  readonly later: Scrape;
  readonly seconds: number;
}

/** All is well for this time, in minutes; then there is trouble for as long as a test wants it. */
export const TROUBLE_AT = 30;
const TROUBLE_MINUTES = 120;

/**
 * The run, stretched to hours: nothing happens before the trouble, and then what grew in the run goes on growing at the
 * same rate, and everything else stays as it was.
 *
 * @param wanted which metrics
 * @param growing the names of those that can grow for ever
 */
export function stretch(recording: Recording, wanted: ReadonlySet<string>, growing: RegExp): object[] {
  const { before, during, later, seconds } = recording;
  return [...later].flatMap(([series, last]) => {
    const [name = ''] = series.split('{');
    if (!wanted.has(name)) return [];
    const was = before.get(series);
    // The notation counts what is repeated: a value once more than `x` says, a gap not.
    const quiet = was === undefined ? `_x${TROUBLE_AT}` : `${was}x${TROUBLE_AT - 1}`;
    const first = during.get(series) ?? 0;
    const grows = growing.test(name);
    const growth = grows ? Math.max(0, ((last - first) / seconds) * 60) : 0;
    // Of a gauge that goes up and down: what it never fell below.
    const level = grows ? last : Math.min(first, last);
    return [{ series: labelled(series), values: `${quiet} ${level}+${growth}x${TROUBLE_MINUTES}` }];
  });
}

/** As Prometheus stores what it scrapes from the operator. */
function labelled(series: string): string {
  const labels = 'job="cloudjob-operator",instance="a"';
  return series.includes('{') ? series.replace('{', `{${labels},`) : `${series}{${labels}}`;
}

/** Which alerts fire at which minute; exactly these. */
export interface Expectation {
  readonly minute: number;
  readonly alerts: readonly string[];
  /** Those that may fire or not. */
  readonly perhaps?: readonly string[];
}

/** Has promtool evaluate the rules over the series, and returns what it has to complain about. */
export function testRules(
  ruleFile: string,
  series: readonly object[],
  expectations: readonly Expectation[],
): Promise<string> {
  const firing = expectations.map(({ minute, alerts, perhaps = [] }) => ({
    expr: `count by (alertname) (ALERTS{alertstate="firing",alertname!~"${perhaps.join('|')}"})`,
    eval_time: `${minute}m`,
    exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
  }));
  return run(ruleFile, { input_series: series, promql_expr_test: firing });
}

/** An alert that fires at a minute: which, with what text. */
export interface ExpectedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** As `testRules`, of what one alert says: exactly these fire at that minute. */
export function testAlert(
  ruleFile: string,
  series: readonly object[],
  alert: string,
  firing: Readonly<Record<number, readonly ExpectedAlert[]>>,
): Promise<string> {
  const tests = Object.entries(firing).map(([minute, expected]) => ({
    alertname: alert,
    eval_time: `${minute}m`,
    exp_alerts: expected.map(({ labels, annotations }) => ({
      exp_labels: labels,
      exp_annotations: annotations,
    })),
  }));
  return run(ruleFile, { input_series: series, alert_rule_test: tests });
}

/** In the background: tests beside this one measure how fast something grows. */
async function run(ruleFile: string, test: object): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'cloudjob-promtool-'));
  const file = join(home, 'test.yaml');
  const tests = [{ interval: '1m', ...test }];
  writeFileSync(file, dump({ rule_files: [ruleFile], evaluation_interval: '1m', tests }));
  try {
    await promisify(execFile)('promtool', ['test', 'rules', file], { timeout: 60_000 });
    return '';
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    return stdout + stderr || message;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
