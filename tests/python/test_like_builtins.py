"""Each line is done to a builtin and to a stored copy of it: same result, exception and text.

The text of an exception names the class of the object; the builtin's name is put for a lazy one's.
"""

import collections
import collections.abc
import operator
import re
import sys
from collections.abc import Iterator
from typing import Any

import oocmap
import pytest

LIST = r"""
x.append()
x.append(1, 2)
x.extend(5)
x.extend()
x.insert(1)
x.insert("a", 1)
x.insert(Idx(1), 9)
x.insert(BadIdx(), 9)
x.insert(10**30, 9)
x.insert(-(10**30), 9)
x.pop("a")
x.pop(10**30)
x.pop(99)
x.pop(-99)
x.pop(Idx(0))
x.pop(1.0)
x.pop(0, 0)
x.remove()
x.remove(99)
x.reverse(1)
x.sort(1)
x.sort(kex=1)
x.sort(key=1)
x.sort(key=len)
x.sort(reverse="a")
x.sort(reverse=None)
x.sort(reverse=[])
x.sort(key=None)
x.sort(key=str, reverse=True)
x.index(99)
x.index()
x.index(1, "a")
x.index(1, None)
x.index(1, 1.5)
x.index(1, BadIdx())
x.index(2, -1)
x.index(2, 0, 10**40)
x.index(1, 2, 3, 4)
x.count()
x.count(1, 2)
x.copy(1)
x.clear(1)
x["a"]
x[1.0]
x[None]
x[10**30]
x[-(10**30)]
x[BadIdx()]
x[Idx(0)]
x[99]
x[-99]
x[::0]
x["a":]
x[1:2:"q"]
x[BadIdx() :]
x[Idx(0) :]
x[99] = 1
x["a"] = 1
x[1.0] = 1
x[10**30] = 1
x[0:1] = 5
x[0:1] = None
x[::2] = 5
x[::2] = [1]
x[::0] = [1]
x[::-1] = [1]
x["a":] = [1]
x[BadIdx()] = 1
del x[99]
del x["a"]
del x[1.0]
del x[::0]
del x[10**30]
del x["a":]
x + 5
5 + x
x + (1,)
(1,) + x
x + None
x * "a"
x * 1.5
"a" * x
x * x
x * 10**30
x * -1
Idx(2) * x
x * Idx(2)
x * BadIdx()
x * (1 << 62)
x += 5
x += None
x += "ab"
x *= "a"
x *= 1.5
x *= 10**30
x *= BadIdx()
x *= Idx(2)
x *= 1 << 62
x < 5
x < (1,)
x < [1, "a"]
x < None
x == 5
x != (3,)
x > [3]
x <= [3, 1, 2, 0]
hash(x)
x.foo
x.foo = 1
x.append = 1
x()
x(1)
len(x, 1)
reversed(x, 1)
x.__reversed__(1)
x.__setitem__(1)
x.__delitem__()
x.__len__(1)
x.__iadd__(5)
x.__imul__("a")
x.__mul__("a")
x.__rmul__("a")
x.__eq__(5)
x.__lt__(5)
x.__init__()
x.__init__([1, 2])
x.__init__(1, 2)
x.__init__(a=1)
format(x)
format(x, "d")
format(x, "")
f"{x!r:>20}"
f"{x!s}"
f"{x}"
"%s %s" % (x, x)
"%d" % x
"{0[1]}".format(x)
str(x)
bool(x)
int(x)
next(x)
x @ x
-x
x - x
x | x
x**2
[*x]
max(x)
min(x)
sum(x)
sorted(x)
sorted(x, reverse=True)
list(zip(x, x))
list(enumerate(x))
list(map(str, x))
tuple(x)
set(x)
operator.indexOf(x, 2)
operator.countOf(x, 1)
operator.length_hint(iter(x))
operator.concat(x, [1])
operator.iconcat(x, [1])
1 in x
"q" in x
bytes(x)
"-".join(x)
dict(x)
a, b, c = x
a, b = x
a, *b = x
a, b, c, d = x
(lambda *a: a)(*x)
(lambda **k: k)(**x)
collections.deque(x)
collections.Counter(x)
issubclass(type(x), collections.abc.MutableSequence)
issubclass(type(x), collections.abc.Hashable)
isinstance(x, collections.abc.Reversible)
isinstance(x, collections.abc.Collection)
isinstance(x, collections.abc.Mapping)
next(iter(x).__iter__())
x.__iter__().__next__()
iter(x) == 1
abs(x)
x[...]
x[1, 2]
x[True]
x[:True]
x[1:1] = x
x[:] = x
x.extend(x)
x.append(x)
x[0] = x
x += x
x *= 2
x[::2] = x[1:]
x[::-1] = x
x[5:2] = [7, 8]
x[-100:100] = []
x[1:-1:1] = (9,)
x[2:0:-1] = [7, 8]
del x[5:2]
del x[::2]
del x[::-2]
del x[:]
del x[1:2]
x.insert(-1, 7)
x.insert(100, 7)
x.insert(-100, 7)
x.remove([])
x.__hash__
type(x).append(5, 1)
type(x).__len__(5)
"""

DICT = r"""
x["zz"]
x[[]]
x[{}]
x[{"a"}]
x[[]] = 1
x[slice(1)]
del x["zz"]
del x[[]]
x.get()
x.get(1, 2, 3)
x.get([])
x.get(a=1)
x.pop()
x.pop("zz")
x.pop("zz", 1)
x.pop([], 1)
x.pop([])
x.pop(1, 2, 3)
x.pop("a")
x.pop("zz", default=1)
x.popitem(1)
x.popitem()
x.setdefault()
x.setdefault([])
x.setdefault([], 1)
x.setdefault("q")
x.setdefault("a", 5)
x.setdefault(1, 2, 3)
x.setdefault("q", default=1)
x.update(5)
x.update(None)
x.update([1])
x.update([(1,)])
x.update([(1, 2, 3)])
x.update(["ab"])
x.update(["abc"])
x.update("ab")
x.update({}, {})
x.update([[[], 1]])
x.update({"k": 1}, k=2)
x.update(self=1, other=2)
x.update(None or ())
x.update(((1, 2),))
x.update([5])
x.update(x)
x.update(x.items())
x.update(x.keys())
x.clear(1)
x.copy(1)
x.keys(1)
x.values(1)
x.items(1)
x | 5
5 | x
x | []
x | None
x | {"q": 1}
{"q": 1} | x
x | x
x | [("q", 1)]
x |= 5
x |= None
x |= [("q", 1)]
x |= [(1,)]
x |= {"q": 2}
x |= x
x |= "ab"
x < x
x < {}
x > 5
x == {}
x == 5
x != {"a": 1}
x == {"a": 1, "b": [1, 2], 3: None}
x + x
x + {}
hash(x)
x.foo
x.foo = 1
x()
len(x)
list(reversed(x))
list(reversed(x.items()))
list(reversed(x.values()))
list(reversed(x.keys()))
x.__init__()
x.__init__({"q": 1})
x.__init__(1, 2)
x.__init__(q=1)
x.__init__([("w", 1)], q=1)
x.__setitem__(1)
x.__contains__([])
[] in x
{} in x
None in x
"a" in x
x.__delitem__()
x.__or__(5)
x.__ior__(5)
x.__ror__(5)
x.__eq__(5)
x.__lt__({})
format(x)
format(x, "d")
f"{x}"
"%(a)s" % x
"%(zz)s" % x
"{a}".format(**x)
"{0[a]}".format(x)
"{a}".format_map(x)
sorted(x, key=str)
sorted(x)
dict(x)
{**x}
dict(x, q=1)
(lambda **k: k)(**x)
[*x]
max(x, key=str)
list(zip(x, x.values()))
[1, 2] in x.values()
7 in x.values()
("a", 1) in x.items()
("a", 2) in x.items()
"a" in x.items()
(1, 2, 3) in x.items()
([], 1) in x.items()
"a" in x.keys()
[] in x.keys()
x.keys() & {"a"}
x.keys() & ["a"]
x.keys() & "a"
x.keys() & 5
{"a"} & x.keys()
x.keys() | {"q"}
x.keys() | ["q"]
x.keys() | 5
x.keys() | [[]]
["q"] | x.keys()
x.keys() - {"a"}
x.keys() - ["a"]
x.keys() - 5
{"a", "z"} - x.keys()
x.keys() ^ {"a"}
x.keys() ^ ["a"]
x.keys() ^ 5
x.keys() == {"a"}
x.keys() == ["a"]
x.keys() == {"a", "b", 3}
x.keys() == {}.keys()
x.keys() < {"a", "b", 3, 4}
x.keys() <= x.keys()
x.keys() > {"a"}
x.keys() >= 5
x.keys() < 5
x.keys().isdisjoint(["q"])
x.keys().isdisjoint(["a"])
x.keys().isdisjoint(5)
x.keys().isdisjoint()
x.items() & [("a", 1)]
x.items() | []
x.items() - [("a", 1)]
x.items() ^ [("a", 1)]
x.items() == {("a", 1)}
x.items() == x.items()
x.items() >= {("a", 1)}
x.items().isdisjoint([("a", 1)])
x.items() < 5
x.values() == x.values()
x.values() & {1}
x.values() < x.values()
hash(x.keys())
hash(x.items())
hash(x.values()) == 5
len(x.keys())
len(x.items())
x.keys()[0]
x.keys().foo
x.keys().mapping["a"]
x.items().mapping
x.keys().mapping["a"] = 1
type(x.values().mapping).__name__
next(x)
next(x.keys())
next(iter(x))
next(iter(x.items()))
iter(x).__length_hint__()
operator.length_hint(iter(x.values()))
x.fromkeys()
x.fromkeys("ab")
x.fromkeys("ab", 1)
x.fromkeys(5)
x.fromkeys("ab", 1, 2)
x.fromkeys([[]])
type(x).fromkeys(["q"], [])
for k in x: x[k+'q' if isinstance(k,str) else 'q']=1
for k in x: del x[k]
for k in x.items(): x.clear()
for k in x.values(): x.popitem()
for k in reversed(x): x['new']=1
for k in x: x[k]=1
for k in list(x): del x[k]
for k in x.keys(): x.update(q=1)
for k in x.keys(): x|={'q':1}
for k in x.keys(): x.setdefault('q',1)
for k in x.keys(): x.pop('a',1)
bool(x)
str(x)
isinstance(x, collections.abc.MutableMapping)
isinstance(x.keys(), collections.abc.KeysView)
isinstance(x.keys(), collections.abc.Set)
isinstance(x.items(), collections.abc.ItemsView)
isinstance(x.values(), collections.abc.ValuesView)
isinstance(x, collections.abc.Hashable)
isinstance(x, collections.abc.Reversible)
isinstance(x, collections.abc.Sequence)
collections.ChainMap(x)["a"]
collections.ChainMap({}, x)["zz"]
collections.OrderedDict(x)
collections.Counter({"q": 1}) + collections.Counter()
operator.itemgetter("a")(x)
x["self"] = x
x["b"].append(x["b"])
x["b"] += [1]
x[float("nan")]
float("nan") in x
x.get(float("nan"))
x.__missing__
type(x).get(5, 1)
type(x).__len__(5)
type(x).keys(5)
x.update(zip("ab"))
x.update(zip("ab", [1, 2]))
x.__reversed__(1)
x.__iter__(1)
"""

TUPLE = r"""
x[99]
x[-99]
x["a"]
x[1.0]
x[10**30]
x[::0]
x[1:]
x[::-1]
x["a":]
x[0] = 1
del x[0]
x[0:1] = [1]
x + (1,)
(1,) + x
x + [1]
[1] + x
x + 5
x * 2
2 * x
x * "a"
x * 1.5
x * 10**30
x * -1
x += (1,)
x *= 2
x.index(99)
x.index()
x.index(1, "a")
x.index(2, -1)
x.index(1, 2, 3, 4)
x.index(1, None)
x.count()
x.count(1)
x.count(1, 2)
x < 5
x < (1,)
x < [1]
x > (3,)
x == 5
x == (3, 1, 2)
x != (3, 1, 2)
x >= (3, 1, 2)
x <= (3, "a")
hash(x)
hash(x) == hash((3, 1, 2))
{x: 1}[(3, 1, 2)]
{(3, 1, 2): 1}[x]
x in {(3, 1, 2)}
x in [(3, 1, 2)]
x.foo
x.foo = 1
x.append
x()
len(x)
list(reversed(x))
x.__mul__("a")
x.__getnewargs__()
x.__init__()
x.__init__(1)
format(x, "d")
format(x)
f"{x}"
str(x)
[*x]
a, b, c = x
a, b = x
max(x)
sorted(x)
set(x)
isinstance(x, collections.abc.Sequence)
isinstance(x, collections.abc.MutableSequence)
isinstance(x, collections.abc.Hashable)
next(x)
isinstance(5, x)
x[...]
next(reversed(x))
operator.length_hint(reversed(x))
type(x).index(5, 1)
-x
x | x
"""


class Index:
    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class BadIndex:
    def __index__(self) -> int:
        raise ZeroDivisionError("no index")


def plain(value: Any) -> Any:
    """Lazies and their iterators as what they stand for, also inside plain containers."""
    if type(value) in (oocmap.LazyDict, oocmap.LazyList, oocmap.LazyTuple):
        return value.eager()
    if type(value) is set:  # its order depends on how it came about
        return ["a set of", *sorted(repr(plain(member)) for member in value)]
    if type(value) in (list, tuple):
        return type(value)(plain(member) for member in value)
    if type(value) is dict:
        return {key: plain(member) for key, member in value.items()}
    return value


def outcome(line: str, subject: Any) -> str:
    """What the line gives, or raises, as text."""
    names = {"x": subject, "Idx": Index, "BadIdx": BadIndex, "collections": collections}
    names |= {"operator": operator, "sys": sys}
    try:
        try:
            result = eval(line, names)
        except SyntaxError:
            result = exec(line, names)
        return repr(plain(result))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def builtin_names(text: str, builtin: str) -> str:
    text = re.sub(r"(oocmap\.)?Lazy(Mapping|Sequence)", builtin, text)
    text = re.sub(
        r"(oocmap\.)?Lazy(Keys|Values|Items)", lambda found: f"dict_{found[2].lower()}", text
    )
    return re.sub(r"(oocmap\.)?Lazy(Dict|List|Tuple)", lambda found: found[2].lower(), text)


@pytest.fixture(scope="module")
def m(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oocmap.OOCMap[str, Any]]:
    path = tmp_path_factory.mktemp("like_builtins") / "map.ooc"
    with oocmap.OOCMap(path, durability="off") as opened:
        yield opened


def check(m: oocmap.OOCMap[str, Any], line: str, subject: Any, builtin: str) -> None:
    m["subject"] = subject
    expected = outcome(line, subject)
    assert builtin_names(outcome(line, m["subject"]), builtin) == expected
    assert repr(m["subject"]) == repr(subject)


@pytest.mark.parametrize("line", LIST.split("\n")[1:-1])
def test_list(m: oocmap.OOCMap[str, Any], line: str) -> None:
    check(m, line, [3, 1, 2], "list")


@pytest.mark.parametrize("line", DICT.split("\n")[1:-1])
def test_dict(m: oocmap.OOCMap[str, Any], line: str) -> None:
    check(m, line, {"a": 1, "b": [1, 2], 3: None}, "dict")


@pytest.mark.parametrize("line", TUPLE.split("\n")[1:-1])
def test_tuple(m: oocmap.OOCMap[str, Any], line: str) -> None:
    check(m, line, (3, 1, 2), "tuple")
