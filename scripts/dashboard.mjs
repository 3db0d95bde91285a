/** The Grafana dashboard, in rows of panels. Each panel is a title, a description, a unit, and its queries by legend. */

const JOB = 'job=~"$job"';

const ROWS = [
  {
    title: 'CloudJobs',
    panels: [
      panel('CloudJobs by phase', 'By what the phase means; none: not observed yet.', 'short', {
        '{{phase}}': `max by (phase) (cloudjob_jobs{${JOB}})`,
      }),
      panel('Jobs that ended', 'Observed to end, per hour.', 'short', {
        '{{outcome}}': `sum by (outcome) (increase(cloudjob_job_duration_seconds_count{${JOB}}[1h]))`,
      }),
      panel(
        'How long jobs take',
        'Half of the jobs of the last six hours, and nine of ten, took no longer.',
        's',
        {
          half: quantile(0.5, 'cloudjob_job_duration_seconds', '6h'),
          'nine of ten': quantile(0.9, 'cloudjob_job_duration_seconds', '6h'),
        },
      ),
      panel(
        'Oldest observation',
        'Time since the last good poll, of the unfinished job with the oldest observation.',
        's',
        {
          age: `max(cloudjob_observation_age_seconds{${JOB}})`,
        },
      ),
    ],
  },
  {
    title: 'The cloud',
    panels: [
      panel('Polls of jobs', 'By outcome: job, or the class of the error.', 'ops', {
        '{{outcome}}': `sum by (outcome) (rate(cloudjob_looks_total{${JOB}}[$__rate_interval]))`,
      }),
      panel('Requests to the cloud', 'By status; none: no complete answer.', 'reqps', {
        '{{status}}': `sum by (status) (rate(cloudjob_cloud_requests_total{${JOB}}[$__rate_interval]))`,
      }),
      panel('Time of a request to the cloud', 'To its last byte.', 's', {
        half: quantile(0.5, 'cloudjob_cloud_request_duration_seconds', '$__rate_interval'),
        '99 of 100': quantile(0.99, 'cloudjob_cloud_request_duration_seconds', '$__rate_interval'),
      }),
      panel('CloudJobs that wait for a slot', 'In the budget, by region.', 'short', {
        '{{region}}': `max by (region) (cloudjob_budget_waiting{${JOB}})`,
      }),
      panel(
        'Calls held back',
        'Regions that do not answer, and access keys that the cloud rejects.',
        'short',
        {
          '{{region}}': `max by (region) (cloudjob_region_breaker_open{${JOB}})`,
          credentials: `max(cloudjob_credential_breakers_open{${JOB}})`,
        },
      ),
    ],
  },
  {
    title: 'The operator',
    panels: [
      panel('Working replicas', 'One; with shards as many as there are replicas.', 'short', {
        working: `sum(leader_election_master_status{${JOB}})`,
      }),
      panel('Reconciles', 'By result.', 'ops', {
        '{{result}}': `sum by (result) (rate(controller_runtime_reconcile_total{${JOB}}[$__rate_interval]))`,
      }),
      panel('Time of a reconcile', 'The wait for the cloud included.', 's', {
        half: quantile(0.5, 'controller_runtime_reconcile_time_seconds', '$__rate_interval'),
        '99 of 100': quantile(0.99, 'controller_runtime_reconcile_time_seconds', '$__rate_interval'),
      }),
      panel('Queue', 'CloudJobs that wait for a worker.', 'short', {
        '{{instance}}': `workqueue_depth{${JOB}}`,
      }),
      panel('Writes', 'Statuses stored, and Events by outcome.', 'ops', {
        statuses: `sum(rate(cloudjob_status_writes_total{${JOB}}[$__rate_interval]))`,
        'Events {{outcome}}': `sum by (outcome) (rate(cloudjob_events_total{${JOB}}[$__rate_interval]))`,
      }),
      panel('Watch restarts', 'Per hour, by why the watch before ended.', 'short', {
        '{{reason}}': `sum by (reason) (increase(cloudjob_watch_restarts_total{${JOB}}[1h]))`,
      }),
      panel('Memory', 'Resident.', 'bytes', { '{{instance}}': `process_resident_memory_bytes{${JOB}}` }),
      panel('CPU', 'Cores.', 'short', {
        '{{instance}}': `rate(process_cpu_seconds_total{${JOB}}[$__rate_interval])`,
      }),
    ],
  },
];

const WIDTH = 8;
const HEIGHT = 7;
const COLUMNS = 24 / WIDTH;

/** Grafana's dashboard model, schema version 39 (Grafana 11); older ones that know `timeseries` read it, too. */
export function dashboard() {
  const panels = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    for (const [index, { title, description, unit, queries }] of row.panels.entries()) {
      panels.push({
        id: panels.length + 1,
        type: 'timeseries',
        title,
        description,
        datasource: { type: 'prometheus', uid: '${datasource}' },
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        gridPos: {
          x: (index % COLUMNS) * WIDTH,
          y: y + Math.floor(index / COLUMNS) * HEIGHT,
          w: WIDTH,
          h: HEIGHT,
        },
        targets: Object.entries(queries).map(([legendFormat, expr], target) => ({
          refId: String.fromCodePoint(65 + target),
          expr,
          legendFormat,
        })),
      });
    }
    y += Math.ceil(row.panels.length / COLUMNS) * HEIGHT;
  }
  return {
    uid: 'cloudjob-operator',
    title: 'CloudJob operator',
    tags: ['cloudjob', 'kubernetes'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'job',
          label: 'Job',
          type: 'query',
          datasource: { type: 'prometheus', uid: '${datasource}' },
          query: { query: 'label_values(cloudjob_jobs, job)', refId: 'job' },
          refresh: 2,
          includeAll: true,
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels,
  };
}

function panel(title, description, unit, queries) {
  return { title, description, unit, queries };
}

function quantile(share, metric, range) {
  return `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{${JOB}}[${range}])))`;
}
