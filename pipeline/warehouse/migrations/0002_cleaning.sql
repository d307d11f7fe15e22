CREATE TABLE ops.cleaning (
    entry_id VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    delivery VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    cleaner VARCHAR NOT NULL,
    values_changed BIGINT NOT NULL
);
