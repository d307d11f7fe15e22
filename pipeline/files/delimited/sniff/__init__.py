"""How a delimited text is written: its dialect, and where in it the table is.

What belongs here: deciding by a sample, by what the contract knows and by what the dataset says. What does not: reading the
records (the room above).
"""
