"""Small inputs that failed once, with the right answer beside each: a folder a case, with its `expected.md`.

What belongs here: the inputs, and one test module an area that takes them and further inputs of the same kind through the product.
"""
