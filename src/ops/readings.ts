import { Counter, Gauge, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/**
 * A gauge that is read at each scrape, or a counter that is counted elsewhere. Values that are not set then are removed.
 */
export function readAtScrape(
  registry: Registry,
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  labelNames: string[],
  read: (set: (labels: Labels, value: number) => void) => void,
): void {
  function collect(this: Pick<Gauge, 'reset' | 'inc'>): void {
    this.reset();
    read((labels, value) => this.inc(labels, value));
  }
  const options = { name, help, labelNames, collect, registers: [] };
  registry.registerMetric(type === 'gauge' ? new Gauge(options) : new Counter(options));
}
