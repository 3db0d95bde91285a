import { framesOf, type JobPlan } from '../../src/sandbox/cce/plan.js';

/** A job as a client sees it that polls it, in seconds after its start. */
export interface SimulatedJob {
  readonly kind: 'cluster' | 'node' | 'delete';
  /** When something in its tree changes; the last one is its end. */
  readonly changes: readonly number[];
}

/**
 * A job of one of three kinds with the durations seen on the cloud: a cluster takes 6 to 10 minutes, nodes 5 to 12, a
 * deletion 1 to 3. It is Initializing for 1 to 10 s; certificates take 1 to 5 s; the virtual machine of a node takes a
 * quarter to two fifths of the node's time, and its installation the rest; masters and nodes of one job are made side by side,
 * and the fastest takes four fifths of the slowest's time or more; the job ends 1 to 10 s after its last part.
 *
 * @param random in [0, 1)
 */
export function simulatedJob(kind: SimulatedJob['kind'], random: () => number): SimulatedJob {
  const between = (low: number, high: number): number => low + random() * (high - low);
  const from = between(1, 10);
  const root = (type: string, to: number, subJobs?: readonly JobPlan[]): SimulatedJob => {
    const plan = { id: kind, type, from, to, ...(subJobs === undefined ? {} : { subJobs }) };
    return { kind, changes: framesOf(plan).flatMap(({ at }) => (at > 0 ? [at] : [])) };
  };
  switch (kind) {
    case 'delete':
      return root('DeleteNode', between(60, 180));
    case 'cluster': {
      const to = between(360, 600);
      const certified = from + between(1, 5);
      const lastEnds = to - between(1, 10);
      return root('CreateCluster', to, [
        leaf('CreatePSMCert', from, certified),
        ...sideBySide(random() < 0.5 ? 1 : 3, (share) =>
          leaf('InstallMaster', certified, certified + share * (lastEnds - certified)),
        ),
      ]);
    }
    case 'node': {
      const to = between(300, 720);
      const lastEnds = to - between(1, 10);
      const nodes = sideBySide(1 + Math.floor(random() * 4), (share) => {
        const begins = from + (share === 1 ? 0 : between(0, 5));
        const certified = begins + between(1, 5);
        const ends = begins + share * (lastEnds - begins);
        const made = certified + between(0.25, 0.4) * (ends - certified);
        return [
          leaf('GetPSMCert', begins, certified),
          leaf('CreateNodeVM', certified, made),
          leaf('InstallNode', made, ends),
        ];
      });
      return root('ScaleupCluster', to, nodes.flat());
    }
  }

  /** The first one takes the whole time, the others four fifths of it or more. */
  function sideBySide<T>(count: number, make: (share: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index === 0 ? 1 : between(0.8, 1)));
  }
}

function leaf(type: string, from: number, to: number): JobPlan {
  return { id: type, type, from, to };
}
