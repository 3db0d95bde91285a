import { GROUP, KIND, VERSION, type CloudJob } from '../api/cloudjob.js';
import type { EventRecorder } from '../kube/events.js';
import type { EventDetails, Regarding } from '../kube/eventObject.js';
import type { Logger } from '../ops/log.js';
import type { TransitionRecorder } from '../reconcile/ports.js';
import type { Transition } from '../reconcile/transitions.js';

/** Records transitions as Events of the cluster and, after the status is stored, as one log line each. */
export class EventTransitionRecorder implements TransitionRecorder {
  constructor(
    private readonly events: Pick<EventRecorder, 'record' | 'commit'>,
    private readonly logger: Logger,
  ) {}

  record(cloudJob: CloudJob, transitions: readonly Transition[]): Promise<void> {
    return this.events.record(regarding(cloudJob), transitions.map(eventOf));
  }

  commit(cloudJob: CloudJob, transitions: readonly Transition[]): void {
    this.events.commit(regarding(cloudJob), transitions.map(eventOf));
    const { namespace, name } = cloudJob.metadata;
    for (const { type, reason, message, requestID } of transitions) {
      const level = type === 'Warning' ? 'warn' : 'info';
      const fields = { namespace, name, type, reason, detail: message };
      this.logger[level]('cloud job transition', requestID === undefined ? fields : { ...fields, requestID });
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

function eventOf({ type, reason, message, key }: Transition): EventDetails {
  return { type, reason, action: 'ObserveJob', note: message, key };
}
