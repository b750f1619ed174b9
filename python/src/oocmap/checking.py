"""What `OOCMap.check()` found."""

from typing import NamedTuple


class CheckReport(NamedTuple):
    """What a file holds, and what is wrong with it."""

    problems: list[str]
    """The first hundred, each with its place; empty where the file is sound."""
    problem_count: int
    """All of them."""
    pages: int
    """Pages of the file that are or were in use. Where a page is damaged, that is the one problem,
    and this and all that follows is 0."""
    free_pages: int
    """Those of them that later writes take."""
    records: int
    """Groups of containers that were stored together."""
    containers: int
    """Dicts, lists, tuples, sets and arrays."""
    entries: int
    """Members of large dicts and sets."""
    chunks: int
    """Parts of large lists, tuples and arrays."""
    immutables: int
    """Long texts and the like, and the key sets of dicts."""
    graveyard: int
    """Containers that later writes will free."""
    unreferenced: int
    """Containers and texts that nothing refers to any more: vacuum() frees them."""
    leaked: int
    """Those of them that were never shared: writes free such by themselves. A vacuum that was cut
    off leaves them, or one beside a process that goes on with values which were removed."""

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return self.problem_count == 0
