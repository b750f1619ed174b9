"""What rich shows of a lazy object: its tree, of large ones the beginning.

    rich.print(m["user"])      # LazyDict({'name': 'Ada', 'tags': ['x', 'y']})

rich breaks only its own list of builtins over lines, and any object that has `__rich_repr__`, as a
call with arguments. The lazy types have that; its argument is what they hold as plain objects. What
is not shown in full says how long it is: `LazyList([0, 1, ...], length=100000)`.
"""

from itertools import islice
from typing import Any

from oocmap import _native

# Members that are read for one tree, levels that it has, and characters shown of a text.
_MEMBERS = 1000
_LEVELS = 50
_CHARACTERS = 10_000

Arguments = list[tuple[str, Any]]


class _Verbatim:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class _Part:
    """Stands for a lazy object inside the tree of which not all is shown."""

    def __init__(self, content: Any, length: int) -> None:
        self._arguments = _arguments(content, length)

    def __rich_repr__(self) -> Arguments:
        return self._arguments


def _arguments(content: Any, length: int) -> Arguments:
    """As rich takes them. Without a name a tuple would be taken for a name and a value."""
    if len(content) == length:
        return [("", content)]
    return [("", content), ("length", length)] if content else [("length", length)]


# Under the names of the lazy types, which rich shows.
_parts: dict[type, type[_Part]] = {
    kind: type(kind.__name__, (_Part,), {})
    for kind in (
        _native.LazyDict,
        _native.LazyList,
        _native.LazyTuple,
        _native.LazySet,
        _native.LazyFrozenSet,
    )
}


class _Tree:
    def __init__(self) -> None:
        self._left = _MEMBERS
        # By handle: what each container became, and the members below it.
        self._shown: dict[bytes, Any] = {}
        self._sizes: dict[bytes, int] = {}

    def content(self, lazy: Any, level: int) -> Any:
        """The plain container of the members for which there is room."""
        handle = _native.handle_bytes(lazy)
        before = self._left
        content: Any
        if isinstance(lazy, _native.LazyDict):
            content = self._shown[handle] = {}
            for key, member in lazy.items():
                if self._left <= 0:
                    break
                self._left -= 1
                content[key] = self._member(member, level + 1)
        elif isinstance(lazy, _native.LazySet | _native.LazyFrozenSet):
            found = list(islice(lazy, max(self._left, 0)))
            self._left -= len(found)
            content = set(found) if isinstance(lazy, _native.LazySet) else frozenset(found)
        else:
            is_list = isinstance(lazy, _native.LazyList)
            content = []
            # A tuple cannot hold itself before it is made.
            self._shown[handle] = content if is_list else _Verbatim("(...)")
            for member in lazy:
                if self._left <= 0:
                    break
                self._left -= 1
                content.append(self._member(member, level + 1))
            if not is_list:
                content = tuple(content)
        self._shown[handle] = content
        self._sizes[handle] = before - self._left
        return content

    def _member(self, value: Any, level: int) -> Any:
        if isinstance(value, str | bytes) and len(value) > _CHARACTERS:
            return _Verbatim(f"{value[:_CHARACTERS]!r}...")
        part = _parts.get(type(value))
        if part is None:
            return value
        handle = _native.handle_bytes(value)
        length = len(value)
        # rich writes what is shared in every place, so it is paid for in every place.
        size = self._sizes.get(handle)
        if size is not None:
            if size > self._left:
                return part((), length)
            self._left -= size
        elif handle not in self._shown:
            if length > 0 and (level >= _LEVELS or self._left <= 0):
                return part((), length)
            self.content(value, level)
        elif isinstance(self._shown[handle], dict | list):
            return self._shown[handle]  # a cycle, which rich shows as "..."
        content = self._shown[handle]
        if isinstance(content, _Verbatim) or len(content) == length:
            return content
        return part(content, length)


def rich_repr(lazy: Any) -> Arguments:
    """Return the arguments of `__rich_repr__`: the members as plain objects, and the length where
    these are not all.

    Reads at most 1,000 members, nested ones included, and 50 levels; writes of others may come in
    between. Raises: ClosedError, StaleHandleError, CorruptionError, RuntimeError where a dict or
    set changes meanwhile; rich then writes the repr, or the error.
    """
    return _arguments(_Tree().content(lazy, 0), len(lazy))
