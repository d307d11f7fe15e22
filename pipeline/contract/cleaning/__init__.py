"""The library of cleaners, by what they work on.

What belongs here: one module per family, each of functions that give a `Cleaner`. What does not: the name `clean` under which
users find them (`pipeline.contract.cleaners`).
"""
