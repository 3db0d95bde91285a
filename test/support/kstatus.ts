/** What kstatus, the library in Flux and Helm 4, makes of an object. */
export type KStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating';

interface ConditionLike {
  readonly type: string;
  readonly status: string;
}

/** As much of any object as kstatus looks at. */
export interface KubernetesObject {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string | undefined };
  readonly status?: {
    readonly observedGeneration?: number | undefined;
    readonly conditions?: readonly ConditionLike[] | undefined;
  };
}

/** The rules for a kind that kstatus does not know by name; nothing but these fields plays a part. */
export function kstatus({ metadata, status }: KubernetesObject): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const { observedGeneration, conditions = [] } = status ?? {};
  if (observedGeneration !== undefined && typeof observedGeneration !== 'number') {
    throw new TypeError('status.observedGeneration must be a number: kstatus fails on anything else');
  }
  if (
    metadata.generation !== undefined &&
    observedGeneration !== undefined &&
    metadata.generation !== observedGeneration
  ) {
    return 'InProgress';
  }
  for (const { type, status: holds } of conditions) {
    if (holds !== 'True') continue;
    if (type === 'Reconciling') return 'InProgress';
    if (type === 'Stalled') return 'Failed';
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
