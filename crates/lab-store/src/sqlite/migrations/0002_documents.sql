-- Records that the tracker keeps whole and the store does not look into: registered models and their versions, logged
-- models, traces, files that belong to no run.
CREATE TABLE documents (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    -- What it belongs to: an experiment, a registered model; empty where it belongs to nothing.
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    -- The content in the object store that it keeps alive, where it does.
    content_hash BLOB,
    body TEXT NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX documents_by_scope ON documents (kind, scope, created_at DESC);
CREATE INDEX documents_by_creation ON documents (kind, created_at DESC);
CREATE INDEX documents_by_content ON documents (content_hash) WHERE content_hash IS NOT NULL;
