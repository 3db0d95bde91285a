import { deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * What most CloudJobs have in common: their JSON refers to it instead of repeating it. Nothing packed outlives the
 * process, so it may change.
 */
const COMMON = Buffer.from(
  '{"metadata":{"name":"","namespace":"","uid":"","resourceVersion":"","generation":1,"creationTimestamp":"20' +
    '","annotations":{}},"spec":{"jobID":"","projectID":"","region":"","credentialsRef":{"name":"cce-credentials"},' +
    '"suspend":false,"readyWhen":"Succeeded","observationDeadlineSeconds":600},"status":{"observedGeneration":1,' +
    '"phase":"Running","jobID":"","type":"","clusterUID":"","resourceName":"","progress":{"total":2,"succeeded":1,' +
    '"running":1,"initializing":0,"failed":0,"unknown":0,"summary":"1/2"},"subJobs":[{"id":"","parentID":"",' +
    '"type":"InstallNode","phase":"Success","resourceID":"","resourceName":"","startTime":"20Z","updateTime":"20Z"},' +
    '{"id":"","parentID":"","type":"CreateNodeVM","phase":"Initializing"}],"startTime":"20Z","updateTime":"20Z",' +
    '"completionTime":"","message":" is running:  of  sub-jobs have succeeded.","conditions":[{"type":"Ready",' +
    '"status":"Unknown","observedGeneration":1,"lastTransitionTime":"20Z","reason":"JobRunning","message":""},' +
    '{"type":"Succeeded","status":"True"},{"type":"Synced","status":"True","observedGeneration":1,' +
    '"lastTransitionTime":"20Z","reason":"JobRead","message":"The job is read from the cloud."},' +
    '{"type":"Reconciling","status":"True","observedGeneration":1,"lastTransitionTime":"20Z"',
);

/** Small windows: a CloudJob is a few kilobytes, and zlib's usual buffers take longer to make than to use. */
const OPTIONS = { level: 1, windowBits: 13, memLevel: 4, chunkSize: 4096, dictionary: COMMON };

/** The text in about a ninth of its length, as a string of bytes: on V8's heap, where it costs least beside itself. */
export function pack(text: string): string {
  return deflateRawSync(text, OPTIONS).toString('latin1');
}

/** What was packed. @throws when `packed` was not made by `pack` */
export function unpack(packed: string): string {
  return inflateRawSync(Buffer.from(packed, 'latin1'), OPTIONS).toString();
}
