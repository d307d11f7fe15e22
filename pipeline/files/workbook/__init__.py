"""Workbooks as tables.

What belongs here: archives, sheets, the table inside a sheet, cells as canonical text. What does not: other formats.
"""
