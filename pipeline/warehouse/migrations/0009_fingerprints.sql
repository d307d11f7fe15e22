-- Fingerprints of contracts are written so that they outlive versions of Python and of this program. Those that are stored are carried
-- over when the warehouse is opened with the declarations that they are of; a version before this one would take them all for changed.
COMMENT ON COLUMN ops.deliveries.contract_fingerprint IS 'the contract that it was staged under; those that begin with v2- are written by source, without what is as by default';
