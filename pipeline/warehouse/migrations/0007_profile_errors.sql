-- How far the figures of a profile may be off; null: not known, as of those that were estimated from a sample.
ALTER TABLE ops.columns ADD COLUMN distinct_error DOUBLE;
ALTER TABLE ops.columns ADD COLUMN top_values_error BIGINT;
