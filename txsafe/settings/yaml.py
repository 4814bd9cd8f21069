"""YAML text → `Setting`s, from PyYAML's stream of events.

No tree is built and no alias is followed, so that neither deep nesting nor a "billion laughs" file costs anything (see
`catalog/document.py`). Lists of `NAME=value` (Docker Compose) and of `name:` with `value:` (Kubernetes) are read as
what they mean. Reading ends, without a word, where a template or a mistake makes the file no YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.settings.entries import MAX_DEPTH, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*+)=")
_NAMED = "name"
_VALUED = "value"


@dataclass(slots=True)
class _Level:
    """A mapping or list that is open."""

    path: tuple[str, ...]
    is_mapping: bool
    key: str | None = None
    """Of a mapping: the key whose value comes next."""
    name: str | None = None
    """Of a mapping: what stands under `name`."""
    valued: Setting | None = None
    """… and under `value`."""


@dataclass(slots=True)
class _Reader:
    """Follows the path while events go by."""

    text: str
    levels: list[_Level] = field(default_factory=list)

    def open(self, *, is_mapping: bool) -> None:
        self.levels.append(_Level(self._path(), is_mapping))

    def close(self) -> Iterator[Setting]:
        level = self.levels.pop()
        if level.name and level.valued is not None:
            setting = level.valued
            yield Setting(key=(*level.path, level.name), value=setting.value, span=setting.span, exact=setting.exact)
        self.pass_over()

    def pass_over(self) -> None:
        """Take note that a value is complete, or a key that is none of ours: a list, a mapping or an alias."""
        if self.levels and self.levels[-1].is_mapping:
            self.levels[-1].key = "" if self.levels[-1].key is None else None

    def scalar(self, event: yaml.ScalarEvent) -> Iterator[Setting]:
        level = self.levels[-1] if self.levels else None
        if level is not None and level.is_mapping and level.key is None:
            level.key = event.value
            return
        setting = self._setting(event)
        if level is not None and level.key == _NAMED:
            level.name = event.value
        if level is not None and level.key == _VALUED:
            level.valued = setting
        self.pass_over()
        yield _variable(setting) if level is not None and not level.is_mapping else setting

    def _path(self) -> tuple[str, ...]:
        if not self.levels:
            return ()
        level = self.levels[-1]
        return level.path if level.key is None else (*level.path, level.key)

    def _setting(self, event: yaml.ScalarEvent) -> Setting:
        start, end = _index(event.start_mark), _index(event.end_mark)
        written = self.text[start:end]
        for inner, skipped in ((written, 0), (written[1:-1], 1)):
            if inner == event.value:
                start += skipped
                return Setting(key=self._path(), value=event.value, span=Span(start, start + len(inner)))
        span = Span(start, start + len(written.rstrip()))
        return Setting(key=self._path(), value=event.value, span=span, exact=False)


def read_yaml(text: str) -> Iterator[Setting]:
    """Yield the scalars of all documents of a file, each under its keys; lists add nothing to a path."""
    import yaml

    loader: yaml.CBaseLoader | yaml.BaseLoader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text)
    reader = _Reader(text)
    try:
        for event in iter(loader.get_event, None):
            yield from _take(reader, event)
            if len(reader.levels) > MAX_DEPTH:
                return
    except yaml.YAMLError:
        return
    finally:
        loader.dispose()


def _take(reader: _Reader, event: yaml.Event) -> Iterator[Setting]:
    import yaml

    match event:
        case yaml.ScalarEvent():
            yield from reader.scalar(event)
        case yaml.MappingStartEvent():
            reader.open(is_mapping=True)
        case yaml.SequenceStartEvent():
            reader.open(is_mapping=False)
        case yaml.CollectionEndEvent():
            yield from reader.close()
        case yaml.AliasEvent():
            reader.pass_over()
        case _:
            return


def _variable(setting: Setting) -> Setting:
    """Return `NAME=value` in a list as what it means."""
    found = _VARIABLE.match(setting.value)
    if found is None:
        return setting
    value = setting.value[found.end() :]
    span = setting.part(found.end(), len(setting.value))
    return Setting(key=(*setting.key, found[1]), value=value, span=span, exact=setting.exact)


def _index(mark: object) -> int:
    """Return the offset of a mark, of which PyYAML has two classes."""
    index: int = getattr(mark, "index", 0)
    return index
