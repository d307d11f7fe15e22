"""From a file to a dataset: what its values are, as a module that a person could have written.

What belongs here: looking at values and writing a declaration of them. What does not: reading files (`files`), how values are cleaned,
cast and checked (`contract`, `ingest`), whose ways it uses so that what is inferred is what staging accepts.

One way through: `several` makes one table of the files; `scan` goes over it, with `candidates` to try and `facts` to gather; `decide` and `windows` choose what to
declare; `write` writes it.
"""

from pipeline.infer.inferred import Inferred, infer, require_name
from pipeline.infer.several import NotOneKind

__all__ = ["Inferred", "NotOneKind", "infer", "require_name"]
