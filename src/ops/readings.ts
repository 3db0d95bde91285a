import { Counter, Gauge, type Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;
type Read = (set: (labels: Labels, value: number) => void) => void;

/** A gauge that is read at each scrape. Values that are not set then are removed. */
export function readGauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: Read,
): void {
  const metric = new Gauge({
    name,
    help,
    labelNames,
    collect() {
      this.reset();
      read((labels, value) => this.set(labels, value));
    },
    registers: [],
  });
  registry.registerMetric(metric);
}

/** The same for a counter that is counted elsewhere. */
export function readCounter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: Read,
): void {
  const metric = new Counter({
    name,
    help,
    labelNames,
    collect() {
      this.reset();
      read((labels, value) => this.inc(labels, value));
    },
    registers: [],
  });
  registry.registerMetric(metric);
}
