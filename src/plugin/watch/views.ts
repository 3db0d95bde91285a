import type { CloudJob } from '../../api/cloudjob.js';
import type { Clock } from '../../clock.js';
import type { Output } from '../output.js';
import type { Screen } from '../../terminal/screen.js';
import { cut } from '../../terminal/wrap.js';
import { jobJSON } from '../view/json.js';
import { treeLines } from '../view/jobTree.js';
import { changeLines } from './changes.js';

/** How `watch` shows CloudJobs. */
export interface WatchView {
  /** After each change, and every second; `note` is about the connection to the cluster. */
  show(cloudJobs: readonly CloudJob[], note: string | undefined): void;
  /** Shows the last state. */
  end(): void;
}

/** The trees, redrawn on the whole terminal; at the end they are printed to the ordinary scrollback. */
export class LiveView implements WatchView {
  #cloudJobs: readonly CloudJob[] = [];
  #note: string | undefined;
  #forgetResize: (() => void) | undefined;

  constructor(
    private readonly output: Output,
    private readonly screen: Screen,
    private readonly clock: Clock,
  ) {}

  show(cloudJobs: readonly CloudJob[], note: string | undefined): void {
    this.#cloudJobs = cloudJobs;
    this.#note = note;
    this.screen.enter();
    this.#forgetResize ??= this.screen.onResize(() => this.#draw());
    this.#draw();
  }

  end(): void {
    this.#forgetResize?.();
    this.screen.leave();
    this.output.print(fit(this.#trees(this.output.columns()), Infinity));
  }

  #draw(): void {
    const { columns, rows } = this.screen;
    const { dim } = this.output.paint;
    const footer = cut(this.#note ?? 'Ctrl-C ends the watch, not the job.', columns);
    this.screen.draw([...fit(this.#trees(columns), rows - 2), '', dim(footer)]);
  }

  #trees(columns: number | undefined): string[][] {
    const options = { now: this.clock.now(), columns, paint: this.output.paint };
    return this.#cloudJobs.map((cloudJob) => treeLines(cloudJob, options));
  }
}

/**
 * Fits trees, one below the other with an empty line between them, into `rows` rows. Each gets its share; a longer tree
 * keeps its upper part, which has the failed and the unfinished sub-jobs.
 */
export function fit(trees: readonly (readonly string[])[], rows: number): string[] {
  let left = rows - (trees.length - 1);
  const lines: string[] = [];
  for (const [index, tree] of trees.entries()) {
    const share = Math.max(2, Math.floor(left / (trees.length - index)));
    const shown =
      tree.length <= share ? tree : [...tree.slice(0, share - 1), `… ${tree.length - share + 1} more lines`];
    lines.push(...(index === 0 ? [] : ['']), ...shown);
    left -= shown.length;
  }
  return lines;
}

/** A line for each change, for logs and pipes. */
export class LineView implements WatchView {
  readonly #shown = new Map<string, CloudJob>();
  #note: string | undefined;

  constructor(
    private readonly output: Output,
    private readonly clock: Clock,
  ) {}

  show(cloudJobs: readonly CloudJob[], note: string | undefined): void {
    const time = new Date(this.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    for (const cloudJob of cloudJobs) {
      const lines = changeLines(this.#shown.get(cloudJob.metadata.uid), cloudJob);
      this.#shown.set(cloudJob.metadata.uid, cloudJob);
      this.output.print(lines.map((line) => `${time}  ${line}`));
    }
    if (note !== undefined && note !== this.#note) this.output.complain(note);
    this.#note = note;
  }

  end(): void {}
}

/** A line of JSON for each state. */
export class JSONView implements WatchView {
  readonly #shown = new Map<string, string>();

  constructor(private readonly output: Output) {}

  show(cloudJobs: readonly CloudJob[]): void {
    for (const cloudJob of cloudJobs) {
      const line = JSON.stringify(jobJSON(cloudJob));
      if (this.#shown.get(cloudJob.metadata.uid) === line) continue;
      this.#shown.set(cloudJob.metadata.uid, line);
      this.output.print([line]);
    }
  }

  end(): void {}
}
