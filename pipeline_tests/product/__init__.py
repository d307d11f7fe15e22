"""The whole product, through its own commands, on real files; the warehouse is read with plain SQL."""
