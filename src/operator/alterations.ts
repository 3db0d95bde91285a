import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import type { ReconcilerParts } from '../reconcile/reconciler.js';

/**
 * Counts statuses that are stored otherwise than they were written, and warns once of a CustomResourceDefinition that is
 * older than the operator. Who writes over statuses is reported by their transitions.
 */
export function alterationReporter(logger: Logger, metrics: Metrics): ReconcilerParts['onAlteration'] {
  let isWarned = false;
  return (how, { metadata: { namespace, name } }, fields) => {
    metrics.statusAltered(how);
    if (how !== 'pruned' || isWarned) return;
    isWarned = true;
    logger.warn('the CustomResourceDefinition is older than the operator, apply the one of this release', {
      droppedFields: fields,
      namespace,
      name,
    });
  };
}
