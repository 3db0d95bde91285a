import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { until } from './until.js';

/** Whether Prometheus itself is on this machine. */
export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

/** Of the scrapes, in milliseconds; also how long the target has to answer. */
const INTERVAL_MS = 250;
const JOB = 'cloudjob-operator';
const matrixSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

/** What Prometheus has of one series, in the words of promtool's tests, where each scrape stands for a minute. */
export interface StoredSeries {
  readonly series: string;
  /** `_` where there was no scrape, `stale` where the scrape did not have it. */
  readonly values: readonly string[];
}

/** A Prometheus that scrapes its targets, and keeps all that in a folder of its own. */
export class PrometheusProcess {
  readonly #home = mkdtempSync(join(tmpdir(), 'cloudjob-prometheus-'));
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #log = '';

  constructor() {
    this.scrape({});
    const config = {
      global: { scrape_interval: `${INTERVAL_MS}ms`, scrape_timeout: `${INTERVAL_MS}ms` },
      scrape_configs: [
        {
          job_name: JOB,
          file_sd_configs: [{ files: [join(this.#home, 'targets.json')], refresh_interval: '1s' }],
        },
      ],
    };
    // JSON is YAML, too.
    writeFileSync(join(this.#home, 'prometheus.yaml'), JSON.stringify(config));
    this.#child = spawn(
      'prometheus',
      [
        `--config.file=${join(this.#home, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(this.#home, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#log += chunk;
    });
    this.#exited = once(this.#child, 'close');
  }

  /** From now on, these and no others: ports on 127.0.0.1 by the name of the instance. */
  scrape(ports: Readonly<Record<string, number>>): void {
    const groups = Object.entries(ports).map(([instance, port]) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { instance },
    }));
    // It must not read half of it.
    const file = join(this.#home, 'targets.json');
    writeFileSync(`${file}.new`, JSON.stringify(groups));
    renameSync(`${file}.new`, file);
  }

  /** All that it has of the metrics, oldest first, up to the newest scrape that all instances have had. */
  async read(metrics: readonly string[]): Promise<readonly StoredSeries[]> {
    const ups = await this.#query('up');
    if (ups.length === 0) return [];
    const start = Math.min(...ups.map(({ values }) => secondsOf(values[0])));
    const scrapes = new Map(
      ups.map(({ metric, values }) => {
        // Each target has its own place within the interval.
        const first = secondsOf(values[0]);
        const skipped = Math.floor(((first - start) * 1000) / INTERVAL_MS);
        const indexOf = (seconds: number): number =>
          skipped + Math.round(((seconds - first) * 1000) / INTERVAL_MS);
        return [metric['instance'], { indexOf, made: new Set(values.map(([seconds]) => indexOf(seconds))) }];
      }),
    );
    const length = Math.min(...[...scrapes.values()].map(({ made }) => Math.max(...made) + 1));
    const stored = await Promise.all(metrics.map((name) => this.#query(name)));
    return stored.flat().flatMap(({ metric: { __name__: name, ...labels }, values }) => {
      const instance = scrapes.get(labels['instance']);
      // One that was scraped for the first time since.
      if (instance === undefined) return [];
      const { indexOf, made } = instance;
      const byScrape = new Map(values.map(([seconds, value]) => [indexOf(seconds), value]));
      const inBraces = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const silence = (index: number): string => (made.has(index) ? 'stale' : '_');
      return {
        series: `${name}{${inBraces.join()}}`,
        values: Array.from({ length }, (_, index) => byScrape.get(index) ?? silence(index)),
      };
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #query(metric: string) {
    const address = await until(
      'Prometheus to listen',
      () => /address=(127\.0\.0\.1:[1-9]\d*)/.exec(this.#log)?.[1],
      60_000,
      () => this.#log,
    );
    const query = encodeURIComponent(`${metric}{job="${JOB}"}[1h]`);
    const response = await fetch(`http://${address}/api/v1/query?query=${query}`);
    return matrixSchema.parse(await response.json()).data.result;
  }
}

function secondsOf(sample: readonly [number, string] | undefined): number {
  return sample?.[0] ?? 0;
}
