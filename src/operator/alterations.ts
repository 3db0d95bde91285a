import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import type { ReconcilerParts } from '../reconcile/reconciler.js';

/**
 * Counts stored statuses that differ from what the operator wrote, and warns once if the CustomResourceDefinition is older
 * than the operator. Transitions report who overwrites statuses.
 */
export function alterationReporter(logger: Logger, metrics: Metrics): ReconcilerParts['onAlteration'] {
  let isWarned = false;
  return (how, { metadata: { namespace, name } }, fields) => {
    metrics.statusAltered(how);
    if (how !== 'pruned' || isWarned) return;
    isWarned = true;
    logger.warn('the CustomResourceDefinition is older than the operator: apply the one of this release', {
      droppedFields: fields,
      namespace,
      name,
    });
  };
}
