"""Windrow: files in, clean tables, an account of every bad row, and windows out."""
