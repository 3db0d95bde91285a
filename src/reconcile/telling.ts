import { GROUP, KIND, VERSION, type CloudJob } from '../api/cloudjob.js';
import type { EventRecorder } from '../kube/events.js';
import type { EventDetails, Regarding } from '../kube/eventObject.js';
import type { Logger } from '../ops/log.js';
import type { TransitionSink } from './ports.js';
import type { TransitionEvent } from './transitions.js';

/** Tells transitions as Events of the cluster and, once they are true, in one line of the log each. */
export class Telling implements TransitionSink {
  constructor(
    private readonly recorder: Pick<EventRecorder, 'record' | 'commit'>,
    private readonly logger: Logger,
  ) {}

  announce(cloudJob: CloudJob, events: readonly TransitionEvent[]): Promise<void> {
    return this.recorder.record(regarding(cloudJob), events.map(happening));
  }

  confirm(cloudJob: CloudJob, events: readonly TransitionEvent[]): void {
    this.recorder.commit(regarding(cloudJob), events.map(happening));
    const { namespace, name } = cloudJob.metadata;
    for (const { type, reason, message } of events) {
      this.logger.info('cloud job transition', { namespace, name, type, reason, detail: message });
    }
  }
}

function regarding({ metadata: { namespace, name, uid, resourceVersion } }: CloudJob): Regarding {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: KIND,
    namespace,
    name,
    uid,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function happening({ type, reason, message, key }: TransitionEvent): EventDetails {
  return { type, reason, action: 'ObserveJob', note: message, key };
}
