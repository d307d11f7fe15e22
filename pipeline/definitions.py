"""The one entry point that Dagster loads. What belongs here: nothing but the call."""

from pipeline.orchestration.build import build_definitions

defs = build_definitions()
