"""WHAT is loaded: one module per dataset. Copy one to make your own; no code of the engine belongs here."""
