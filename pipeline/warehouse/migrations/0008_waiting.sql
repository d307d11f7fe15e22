-- waiting.<dataset>: rows that are valid and lost only their key; they have it when it is free again.
CREATE SCHEMA IF NOT EXISTS waiting;

-- Rows that joined their delivery later, by a correction or a replay: from then on they have a place in the order of arrival.
CREATE TABLE ops.joined_rows (
    dataset VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    _row BIGINT NOT NULL,
    place BIGINT NOT NULL
);

-- Rows among the rejected ones whose key another row has by on_conflict="latest": nothing is wrong with them.
ALTER TABLE ops.deliveries ADD COLUMN rows_superseded BIGINT DEFAULT 0;

-- One row per version of a delivery that is neither a duplicate nor a correction; docs/quality.md explains the score.
CREATE OR REPLACE VIEW ops.quality AS
WITH filled AS (
    SELECT entry_id, sum(row_count - null_count)::DOUBLE AS cells, count(*) AS columns
    FROM ops.columns
    GROUP BY entry_id
),
judged AS (
    SELECT *, nullif(rows_read - rows_filtered, 0) AS judged
    FROM ops.deliveries
    WHERE status <> 'duplicate' AND format IS DISTINCT FROM 'correction'
),
shares AS (
    SELECT
        judged.*,
        1 - (rows_rejected - rows_superseded) / judged AS validity,
        least(1, coalesce(filled.cells / (judged * filled.columns), judged / judged)) AS completeness,
        1 - least(1, rows_warned / judged) AS cleanliness,
        1 - least(1, rows_mended / judged) AS structure
    FROM judged
    LEFT JOIN filled ON filled.entry_id = judged.id
)
SELECT
    id AS entry_id, dataset, delivery, seq, committed_at, status,
    coalesce(judged, 0) AS rows_judged,
    validity, completeness, cleanliness, structure,
    CASE
        WHEN status = 'quarantined' THEN 0.0
        -- Rounded down, so that 100 means without fault.
        ELSE floor(10 * (60 * validity + 20 * completeness + 10 * cleanliness + 10 * structure) + 1e-6) / 10
    END AS quality
FROM shares;
