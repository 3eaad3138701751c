/** What a metric is; its name is a promise to dashboards. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Never a name, an address or anything else that strangers can make many of. */
  readonly labels: readonly string[]
}

function counter(help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: 'counter', help, labels }
}

function gauge(help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: 'gauge', help, labels }
}

function histogram(help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: 'histogram', help, labels }
}

/** Every metric of `/metrics`. Times in seconds, sizes in bytes; a time of day in seconds since the epoch. */
export const METRICS = {
  waxseal_build_info: gauge('1; the version that runs', 'version', 'runtime'),
  waxseal_started_timestamp_seconds: gauge('When this process started'),

  waxseal_http_requests_total: counter(
    'Requests answered, by route, class of status and refusal code (empty: none)',
    'route',
    'status',
    'code',
  ),
  waxseal_http_request_duration_seconds: histogram('From the headers of a request to the end of its answer', 'route'),
  waxseal_http_response_bytes_total: counter('Bytes sent in answers, headers included', 'route'),
  waxseal_http_requests_in_flight: gauge('Requests whose answer is not out yet'),
  waxseal_http_answers_cut_total: counter('Answers whose client went away before their end', 'route'),
  waxseal_connections: gauge('Connections, by whether a request is being answered on them: busy or idle', 'state'),
  waxseal_connections_refused_total: counter(
    'Connections closed by a limit, or for what they sent instead of a request, by reason',
    'reason',
  ),

  waxseal_cache_results_total: counter('What decided how a request was answered, by cache', 'cache', 'result'),

  waxseal_upstream_requests_total: counter('Questions to an upstream, by what became of them', 'upstream', 'outcome'),
  waxseal_upstream_request_duration_seconds: histogram(
    'From asking an upstream to the headers of its last answer',
    'upstream',
  ),
  waxseal_upstream_circuit_open: gauge('Origins of an upstream that are left alone for a while', 'upstream'),
  waxseal_upstream_last_success_timestamp_seconds: gauge(
    'When an upstream answered last; absent before it did',
    'upstream',
  ),
  waxseal_upstream_list_timestamp_seconds: gauge(
    'When the list of all projects of an upstream was last read; absent before it was',
    'upstream',
  ),
  waxseal_upstream_list_names: gauge('Names in it', 'upstream'),
  waxseal_upstream_findings: gauge(
    'Names of an upstream that are internal here, under a reserved prefix, or look like an internal one',
    'upstream',
    'kind',
  ),
  waxseal_webhook_behind: gauge('Events after the last one that a webhook has got or does not want', 'webhook'),
  waxseal_webhook_failing: gauge('1: its receiver takes no events, and an event tells of that; 0: not', 'webhook'),
  waxseal_fills_running: gauge('Files being fetched from an upstream', 'upstream'),

  waxseal_uploads_total: counter('Uploads, by what became of them: accepted, identical, or the refusal code', 'result'),
  waxseal_publishes_total: counter('Snapshots published by this process'),
  waxseal_publish_duration_seconds: histogram('From reading the journal to a published snapshot'),
  waxseal_snapshot: gauge('Number of the newest snapshot'),
  waxseal_journal_waiting: gauge('Changes that are committed and not published yet'),
  waxseal_journal_oldest_seconds: gauge('How long the oldest of them has been waiting'),
  waxseal_events_total: counter('Events of this process, by kind', 'kind'),

  waxseal_store_files: gauge('Files whose bytes are stored, by where they are from', 'source'),
  waxseal_store_bytes: gauge('Bytes of these files', 'source'),
  waxseal_projects: gauge('Projects, by authority', 'authority'),
  waxseal_database_bytes: gauge('Size of the database'),
  waxseal_disk_free_bytes: gauge('Free on the disk of the data folder, for this user'),
  waxseal_disk_size_bytes: gauge('Size of the disk of the data folder'),
  waxseal_garbage_files: gauge('Blobs that nothing points to, marked and not yet swept'),
  waxseal_backup_last_timestamp_seconds: gauge('When the last backup was made; absent before the first'),
  waxseal_certificate_expiry_timestamp_seconds: gauge('When the TLS certificate expires; absent without TLS'),
  waxseal_certificate_problem: gauge(
    "1: the certificate's files as they are now are not served, the pair from before is; absent without TLS",
  ),
  waxseal_role_expiry_timestamp_seconds: gauge(
    'When the signatures of a kind of role end, the first of them; absent while the index is not signed',
    'role',
  ),
  waxseal_role_alarm: gauge('1: these signatures end soon and nobody has renewed them, or have ended; 0: not', 'role'),
  waxseal_ready: gauge('1: ready to answer; 0: not', 'check'),
  waxseal_degraded: gauge('1: it answers, and this needs attention; 0: not', 'check'),
  waxseal_log_lines_lost_total: counter('Log lines that could not be written'),

  process_resident_memory_bytes: gauge('Resident memory'),
  process_cpu_seconds_total: counter('Processor time, user and system'),
  process_open_fds: gauge('Open file descriptors'),
  process_max_fds: gauge('Most file descriptors that may be open'),
  nodejs_heap_used_bytes: gauge('Heap in use'),
  nodejs_heap_size_bytes: gauge('Heap taken from the system'),
  nodejs_external_memory_bytes: gauge('Memory of buffers outside of the heap'),
  nodejs_eventloop_delay_seconds: gauge('How late the event loop was, in the last one to two minutes', 'quantile'),
  nodejs_eventloop_utilization: gauge('Share of the last one to two minutes in which the event loop was busy'),
  nodejs_gc_duration_seconds_total: counter('Time spent in garbage collection, since the first scrape'),
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricName = keyof typeof METRICS
