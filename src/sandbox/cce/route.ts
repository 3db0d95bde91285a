/** The target of a request, only from its path. Paths are matched exactly: with a trailing slash nothing is found. */
export type Route =
  | { readonly to: 'admin'; readonly path: string }
  | { readonly to: 'elsewhere' }
  | {
      readonly to: 'job';
      /** `autopilot`: v3, of the jobs of Autopilot clusters. */
      readonly version: 'v2' | 'v3' | 'autopilot';
      readonly projectID: string;
      readonly jobID: string;
    }
  | { readonly to: 'jobList'; readonly projectID: string }
  | { readonly to: 'other'; readonly path: string };

export const ADMIN_PREFIX = '/_sandbox/';
export const ELSEWHERE_PATH = '/_elsewhere';

/** `target` is the request's path and query. */
export function routeOf(target: string): Route {
  const path = target.split('?', 1)[0] ?? '';
  if (path.startsWith(ADMIN_PREFIX)) return { to: 'admin', path: path.slice(ADMIN_PREFIX.length) };
  if (path === ELSEWHERE_PATH) return { to: 'elsewhere' };
  const [, api, project, job] =
    /^\/(api\/v2|api\/v3|autopilot\/v3)\/projects\/([^/]+)\/jobs(?:\/([^/]+))?$/.exec(path) ?? [];
  const projectID = decoded(project);
  if (projectID === undefined) return { to: 'other', path };
  if (job === undefined) return api === 'api/v2' ? { to: 'jobList', projectID } : { to: 'other', path };
  const jobID = decoded(job);
  if (jobID === undefined) return { to: 'other', path };
  const version = api === 'api/v2' ? 'v2' : api === 'api/v3' ? 'v3' : 'autopilot';
  return { to: 'job', version, projectID, jobID };
}

function decoded(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
