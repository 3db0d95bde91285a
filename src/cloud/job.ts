/** A cloud job as the operator understands it; every field that the cloud may leave out is optional. */
export interface Job {
  /** `metadata.uid`. */
  readonly id?: string;
  readonly type?: string;
  readonly clusterUID?: string;
  readonly resourceID?: string;
  readonly resourceName?: string;
  readonly extendParam: Readonly<Record<string, string>>;
  /** The cloud's word, verbatim; absent on jobs without a status. */
  readonly phase?: string;
  readonly reason?: string;
  /** RFC 3339 in UTC, whole seconds; absent when the cloud gave none or nothing that is a time. */
  readonly startTime?: string;
  readonly updateTime?: string;
  readonly completionTime?: string;
  readonly subJobs: readonly Job[];
}
