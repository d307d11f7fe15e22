"""Datasets of the benchmarks."""
