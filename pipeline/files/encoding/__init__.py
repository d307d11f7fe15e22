"""Which encoding a text is in, and decoding it without losing what cannot be decoded.

What belongs here: evidence, choice, decoding. What does not: streams, and the verdict on a whole file (`files.text`).
"""
