import type { Row } from '../bench.js';

/** Seconds from the start of the process to `/readyz`, with CloudJobs that have all finished. */
export const start: Row = {
  name: 'start',
  async run(bench) {
    const runs = bench.quick ? 2 : 5;
    const kubeconfig = await bench.plainKubeconfig(await bench.shelf.call<string>('url'));
    const seconds = async (succeeded: number): Promise<number[]> => {
      await bench.shelf.call('show', { succeeded });
      const values: number[] = [];
      while (values.length < runs) values.push((await bench.operator(kubeconfig)).readyMs / 1000);
      await bench.stopOperator();
      return values;
    };
    return [
      { what: 'start to ready without CloudJobs', unit: 's', values: await seconds(0) },
      { what: 'start to ready with 10,000 finished', unit: 's', values: await seconds(10_000) },
    ];
  },
};
