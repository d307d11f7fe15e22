"""What is the machine's fault, whatever class of error it comes in: no space, no memory, no permission.

What belongs here: telling it from a fault of a file. What does not: what is done about it (`intake.prepare`, `warehouse.failures`).
"""

from __future__ import annotations

from collections.abc import Iterator


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, newest first; also what it hides (`from None`)."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
