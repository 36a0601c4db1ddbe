-- The points of one series, folded out of many batches and sorted. Chunks of a series may overlap in steps and times where
-- points came out of order.
CREATE TABLE chunks (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    series_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    points INTEGER NOT NULL,
    -- Points without a step; the range of steps is that of the others, and NULL where there are none.
    stepless INTEGER NOT NULL,
    first_step INTEGER,
    last_step INTEGER,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    -- Some of the points, with the extremes among them, for plots that show more than this chunk; NULL where it has few.
    sketch BLOB,
    body BLOB NOT NULL,
    PRIMARY KEY (run_id, series_id, number)
) STRICT;

-- How often batches of a run were folded: of two that fold at once, the second finds it changed and gives up.
ALTER TABLE runs ADD COLUMN folds INTEGER NOT NULL DEFAULT 0;
