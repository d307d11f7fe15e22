"""Publishing: what readers outside get as Parquet, without ever opening the warehouse.

What belongs here: what has yet to be published (`marks`), and writing it (`publishing` and what it uses). What does not: where the
files are and how they are read (`pipeline.published`).
"""
