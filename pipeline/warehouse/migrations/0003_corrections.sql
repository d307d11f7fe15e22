CREATE TABLE ops.corrections (
    entry_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    original_id VARCHAR NOT NULL,
    rows_corrected BIGINT NOT NULL,
    rows_filtered BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    rows_skipped BIGINT NOT NULL,
    applied_at TIMESTAMP NOT NULL
);
