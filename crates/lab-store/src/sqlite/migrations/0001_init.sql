-- Ids are UUIDs as 16 bytes, hashes 32 bytes, times microseconds since 1970 UTC. Tables with small rows that are read by
-- their key are WITHOUT ROWID; tables whose rows carry documents or encoded columns are not, because SQLite would spill
-- such rows to overflow pages and lose the fan-out of the tree.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE experiments (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    owner_id BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER,
    revision INTEGER NOT NULL,
    -- The greatest number given to a run. It never falls, so that the number of a deleted run is not given again.
    last_run_number INTEGER NOT NULL DEFAULT 0,
    description TEXT,
    hypothesis TEXT,
    collaborators TEXT NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    config TEXT NOT NULL
) STRICT;
CREATE INDEX experiments_by_creation ON experiments (created_at, id);

-- The tags of an experiment again, to search by.
CREATE TABLE experiment_tags (
    experiment_id BLOB NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
) STRICT, WITHOUT ROWID;

-- What runs ran in, once per distinct content: JSON, compressed with zstd.
CREATE TABLE environments (
    hash BLOB NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE runs (
    id BLOB NOT NULL PRIMARY KEY,
    experiment_id BLOB NOT NULL REFERENCES experiments (id),
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    heartbeat_at INTEGER,
    revision INTEGER NOT NULL,
    -- Whether the summaries of its series have the exact quantiles of all points.
    finalised INTEGER NOT NULL DEFAULT 0,
    parent_run_id BLOB REFERENCES runs (id) ON DELETE SET NULL,
    created_by BLOB,
    environment BLOB REFERENCES environments (hash),
    error TEXT,
    tags TEXT NOT NULL,
    logs TEXT NOT NULL,
    parameters TEXT NOT NULL,
    UNIQUE (experiment_id, number)
) STRICT;
CREATE INDEX runs_by_creation ON runs (created_at, id);
CREATE INDEX runs_by_experiment_and_creation ON runs (experiment_id, created_at, id);
CREATE INDEX runs_by_experiment_and_status ON runs (experiment_id, status);
CREATE INDEX runs_by_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_by_environment ON runs (environment) WHERE environment IS NOT NULL;
CREATE INDEX runs_alive ON runs (coalesce(heartbeat_at, created_at)) WHERE status = 'running';
CREATE INDEX runs_to_finalise ON runs (ended_at)
    WHERE finalised = 0 AND status IN ('completed', 'failed', 'cancelled', 'timed_out');

-- The parameters of a run again, nested ones by dotted path, to search by. A number is an INTEGER or a REAL, with NULL for
-- NaN; lists and maps are JSON.
CREATE TABLE run_parameters (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    -- 0 number, 1 text, 2 boolean (0 or 1), 3 list or map.
    kind INTEGER NOT NULL,
    value ANY,
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- The tags of a run again, to search by.
CREATE TABLE run_tags (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- One row per series. The summary is kept up to date by the commit that adds points.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- JSON with sorted keys; `{}` where there is none.
    context TEXT NOT NULL,
    count INTEGER NOT NULL,
    nan_count INTEGER NOT NULL,
    infinite_count INTEGER NOT NULL,
    -- NULL stands for NaN: a series has at least one point, so there is always a last value.
    last REAL,
    last_step INTEGER,
    last_time INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    min REAL,
    max REAL,
    mean REAL,
    -- Sum of the squared distances from the mean.
    m2 REAL,
    median REAL,
    p95 REAL,
    p99 REAL,
    UNIQUE (run_id, name, context)
) STRICT;

-- One row per accepted batch of points, as `lab_series` encodes it. `id` grows in the order of the commits.
CREATE TABLE metric_batches (
    id INTEGER PRIMARY KEY,
    points INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Which batches hold a series. A batch of many series stands here once, under series 0, instead of once per series: a
-- thousand series with a point each would cost a thousand rows, and such a batch is met by a reader of any of them anyway.
CREATE TABLE batch_series (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    series_id INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, series_id, batch_id)
) STRICT, WITHOUT ROWID;

-- Values that are not one number.
CREATE TABLE metric_values (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    context TEXT NOT NULL,
    step INTEGER,
    time INTEGER NOT NULL,
    value TEXT NOT NULL
) STRICT;
CREATE INDEX metric_values_by_series ON metric_values (run_id, name, context, step, time);

-- Lines of a run's log: JSON, compressed with zstd.
CREATE TABLE log_chunks (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    first_line INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run_id, first_line)
) STRICT;

CREATE TABLE artifacts (
    id BLOB NOT NULL PRIMARY KEY,
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    storage_uri TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX artifacts_by_run ON artifacts (run_id, name, created_at DESC);
CREATE INDEX artifacts_by_content ON artifacts (content_hash);

CREATE TABLE lineage_nodes (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (type, key)
) STRICT;

-- An edge by the direction in which influence flows, which its type turns into subject and object.
CREATE TABLE lineage_edges (
    upstream INTEGER NOT NULL REFERENCES lineage_nodes (id) ON DELETE CASCADE,
    downstream INTEGER NOT NULL REFERENCES lineage_nodes (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (upstream, downstream, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_edges_by_downstream ON lineage_edges (downstream, upstream, type);

-- The log of events outlives what its entries are about, and so do the positions of writers: a writer's records that come
-- late must not bring back a run that was deleted.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    experiment_id BLOB NOT NULL,
    run_id BLOB,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE writers (
    id BLOB NOT NULL PRIMARY KEY,
    run_id BLOB NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
