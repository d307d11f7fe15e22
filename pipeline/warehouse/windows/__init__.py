"""Windows: from specification to SQL, to stored rows with revisions, and which of them are dirty.

What belongs here: everything about windows that needs the warehouse. What does not: their declaration (`contract`).
"""
