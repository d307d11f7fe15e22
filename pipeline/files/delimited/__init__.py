"""Delimited text (CSV and its relatives) as a table.

What belongs here: dialect, cutting into blocks of whole records, parsing, mending. What does not: encodings and streams
(`files.text`, `files.streams`), other formats.
"""
