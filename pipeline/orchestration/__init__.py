"""Dagster's face of the pipeline: assets, checks, partitions, sensors, schedules, jobs, resources.

What belongs here: telling Dagster what there is, and turning its runs into calls of `intake` and `warehouse`. What does
not: any work on files, rows or windows. With `pipeline.definitions` the only place that imports `dagster`.
"""
