CREATE SCHEMA IF NOT EXISTS clean;
CREATE SCHEMA IF NOT EXISTS errors;
CREATE SCHEMA IF NOT EXISTS windows;

CREATE SEQUENCE ops.delivery_seq;
CREATE SEQUENCE ops.dirty_generation;

CREATE TABLE ops.deliveries (
    id VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    file_name VARCHAR NOT NULL,
    sha256 VARCHAR,
    bytes BIGINT NOT NULL,
    format VARCHAR,
    dialect VARCHAR,
    rows_read BIGINT NOT NULL,
    rows_clean BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    rows_filtered BIGINT NOT NULL,
    violations BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    contract_fingerprint VARCHAR,
    event_time_min TIMESTAMP,
    event_time_max TIMESTAMP,
    seconds DOUBLE NOT NULL,
    peak_memory_mb DOUBLE,
    run_id VARCHAR,
    committed_at TIMESTAMP NOT NULL,
    seq BIGINT NOT NULL,
    landing VARCHAR
);

CREATE TABLE ops.columns (
    entry_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    row_count BIGINT NOT NULL,
    null_count BIGINT NOT NULL,
    distinct_count BIGINT NOT NULL,
    min VARCHAR,
    max VARCHAR,
    mean DOUBLE,
    top_values VARCHAR NOT NULL,
    violations BIGINT NOT NULL
);

CREATE TABLE ops.dirty_windows (
    dataset VARCHAR NOT NULL,
    window_name VARCHAR NOT NULL,
    day DATE,
    delivery VARCHAR,
    generation BIGINT NOT NULL,
    marked_at TIMESTAMP NOT NULL
);
