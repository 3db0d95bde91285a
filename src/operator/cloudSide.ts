import { Authenticators } from '../cloud/auth/authenticators.js';
import { JobClient } from '../cloud/client.js';
import { createHttp, type Http } from '../cloud/http.js';
import { proxiedRegions } from '../cloud/proxiedRegions.js';
import { JobReader } from '../cloud/reader.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../ops/log.js';
import type { Metrics } from '../ops/metrics.js';
import { inSpan } from '../ops/tracing.js';
import type { Priority } from '../priority.js';
import type { ProxyFor } from '../proxy.js';
import type { Clouds } from '../reconcile/jobObserver.js';
import type { Settings } from '../settings/settings.js';

export interface CloudSide {
  readonly http: Http;
  readonly reader: JobReader;
  readonly clouds: Clouds;
}

export interface CloudSideParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly proxyFor: ProxyFor;
  /** Adds a key to its work queue. */
  readonly wake: (key: string, priority: Priority) => void;
}

/** The parts that read jobs: HTTP, credentials, and the reader that keeps calls within their limits. */
export function createCloudSide(parts: CloudSideParts): CloudSide {
  const { settings, clock, random, logger, metrics, proxyFor } = parts;
  const { ownCredentials, regions, defaultRegion, requestDeadlineSeconds } = settings.config;
  const proxied = proxiedRegions(regions, proxyFor);
  if (proxied !== undefined) logger.info('cloud proxy', proxied);
  const http = createHttp(clock, {
    timeoutMs: requestDeadlineSeconds * 1000,
    proxyFor,
    onEnd: ({ method, status, durationMs }) => metrics.cloudCalled(method, status, durationMs / 1000),
  });
  const authenticators = new Authenticators(http, clock, random);
  const own = ownCredentials && {
    namespaces: new Set(ownCredentials.namespaces),
    authenticator: authenticators.ofWorkload(ownCredentials.source),
  };
  return {
    http,
    reader: createReader(parts, new JobClient(http, clock)),
    clouds: { regions, defaultRegion, authenticators, own },
  };
}

function createReader(
  { settings, clock, random, logger, metrics, wake }: CloudSideParts,
  client: JobClient,
): JobReader {
  const { budget, polling } = settings.config;
  return new JobReader({
    client: {
      read: (target, signal, mayCall, before) =>
        inSpan('cloud.readJob', { jobID: target.jobID, region: target.region.name }, () =>
          client.read(target, signal, mayCall, before),
        ),
    },
    clock,
    random,
    budget,
    replicas: settings.shards,
    freshMs: polling.minSeconds * 1000,
    wake,
    onAnswer: (answer) => {
      if (answer.kind === 'job') metrics.polled('job', undefined);
      else metrics.polled(answer.error.class, answer.error.code);
    },
    // At debug: every poll fails while the cloud is down. The transition is logged at warn, once.
    onError: (
      { message: detail, class: errorClass, code, status, requestID },
      { region, projectID, jobID },
    ) =>
      logger.debug('poll of a job failed', {
        region: region.name,
        projectID,
        jobID,
        class: errorClass,
        code,
        status,
        requestID,
        detail,
      }),
  });
}
