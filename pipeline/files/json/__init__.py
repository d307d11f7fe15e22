"""JSON as tables: one object per line, an array of objects, objects one after another, an object that wraps the array.

What belongs here: telling these shapes apart, cutting the text at the borders of its elements, decoding one element. What does
not: any other text format.
"""
