ALTER TABLE ops.deliveries ADD COLUMN archive VARCHAR;
