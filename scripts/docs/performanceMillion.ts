import { summarise, type Figure } from '../../test/bench/figure.js';
import { round } from '../../test/bench/report.js';
import type { RowResult } from '../../test/bench/report.js';
import { markdownTable } from './table.js';

const CLUSTERS = 10;
const PER_CLUSTER = 1_000_000 / CLUSTERS;
/** Of 100 CloudJobs. Jobs take minutes, and their CloudJobs stay for days. */
const ACTIVE_PERCENT = 1;
/** The defaults of the operator: the longest wait between two polls, and the budget of a project. */
const MAX_SECONDS = 60;
const BUDGET_PER_SECOND = 10;

/** From the figures of one operator to a million CloudJobs. */
export function million(memory: RowResult, polls: RowResult, transitions: RowResult): string {
  const active = (PER_CLUSTER * ACTIVE_PERCENT) / 100;
  const perActive = figure(memory, 'per active CloudJob');
  const jsonKB = median(figure(memory, 'JSON of an active CloudJob'));
  const residentMiB =
    median(figure(memory, 'resident with no CloudJobs')) +
    mib(active * median(perActive)) +
    mib((PER_CLUSTER - active) * median(figure(memory, 'per finished CloudJob')));
  const pollsPerSecond = active / MAX_SECONDS;
  const corePercent = (pollsPerSecond * median(figure(polls, 'CPU of a poll'))) / 10;
  const perSecond = median(figure(transitions, 'first statuses,'));
  return markdownTable(
    ['A million CloudJobs', 'Each cluster', 'From'],
    [
      ['Clusters', `1 of ${CLUSTERS}`, 'chosen so that etcd holds it'],
      ['CloudJobs', whole(PER_CLUSTER), `1,000,000 ÷ ${CLUSTERS}`],
      ['Active ones', whole(active), `if ${ACTIVE_PERCENT} of 100 is`],
      ['JSON in etcd', `${whole((PER_CLUSTER * jsonKB) / 1000)} MB`, `${round(jsonKB)} KB each, as measured`],
      [
        'Resident memory',
        `${whole(residentMiB)} MiB`,
        'no CloudJobs + active ones + finished ones, as measured',
      ],
      ['Polls', `${round(pollsPerSecond)} /s`, `active ones ÷ ${MAX_SECONDS} s, the longest interval`],
      ['CPU of the polls', `${round(corePercent)} % of a core`, 'polls × CPU of a poll, as measured'],
      [
        'Projects',
        whole(Math.ceil(pollsPerSecond / BUDGET_PER_SECOND)),
        `polls ÷ ${BUDGET_PER_SECOND} /s, the default budget of each: at least this number`,
      ],
      [
        'All first statuses',
        `${round(PER_CLUSTER / perSecond / 60)} min`,
        'CloudJobs ÷ first statuses per second, as measured',
      ],
    ],
  );
}

function figure({ row, figures }: RowResult, start: string): Figure {
  const found = figures.find(({ what }) => what.startsWith(start));
  if (found === undefined) throw new Error(`the row "${row}" has no figure "${start}"`);
  return found;
}

function median({ values }: Figure): number {
  return summarise(values).median;
}

function mib(kb: number): number {
  return (kb * 1000) / 1024 ** 2;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
