"""The one exception of a wrong declaration. What does not belong here: errors of data or files."""

from __future__ import annotations


class ContractError(ValueError):
    """A dataset is declared wrongly: names the dataset, the field, the cause and the remedy."""

    def __init__(self, dataset: str, field: str, cause: str, remedy: str) -> None:
        self.dataset, self.field, self.cause, self.remedy = dataset, field, cause, remedy
        super().__init__(f"dataset {dataset!r}, {field}: {cause}. {remedy}")

    def __reduce__(self) -> tuple[type[ContractError], tuple[str, str, str, str]]:
        return type(self), (self.dataset, self.field, self.cause, self.remedy)
