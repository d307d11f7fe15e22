-- The delivery whose rows made a window dirty.
ALTER TABLE ops.dirty_windows ADD COLUMN cause VARCHAR;

-- Rows that arrived when a window that they belong to was final already. status: applied (the window was computed again),
-- held (kept out of the window), released (held before, now in the window), frozen (the window's other rows are gone: it stays).
CREATE TABLE ops.late_rows (
    dataset VARCHAR NOT NULL,
    window_name VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    _row BIGINT NOT NULL,
    event_time TIMESTAMP NOT NULL,
    watermark TIMESTAMP NOT NULL,
    status VARCHAR NOT NULL,
    detected_at TIMESTAMP NOT NULL
);

-- What has been recomputed or loaded but is not yet in published/; window_name 'clean' stands for the clean table. whole: all of it
-- is to be written anew.
CREATE TABLE ops.unpublished (
    dataset VARCHAR NOT NULL,
    window_name VARCHAR NOT NULL,
    day DATE,
    delivery VARCHAR,
    whole BOOLEAN NOT NULL DEFAULT false
);

-- How far retention has gone: clean rows and windows before these moments have been deleted.
CREATE TABLE ops.retention (
    dataset VARCHAR NOT NULL,
    rows_before TIMESTAMP,
    windows_before TIMESTAMP
);

-- Clean rows of a delivery that retention has deleted since: the clean table holds rows_clean - rows_expired.
ALTER TABLE ops.deliveries ADD COLUMN rows_expired BIGINT DEFAULT 0;
