"""A settings file → its `Setting`s: `.env`, `.ini`, `.properties`, TOML and YAML. Nothing is executed or expanded.

In: a decoded file. Out: its keys and values with their places, whatever they are about.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from txsafe.settings.entries import MOST_SETTINGS, Setting
from txsafe.source import SettingsFormat, settings_format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import SourceFile

__all__ = ["Setting", "read_settings"]


def read_settings(source: SourceFile) -> tuple[Setting, ...]:
    """Return the settings of a file in their order; none where its name tells no format."""
    format_ = settings_format(source.path)
    if format_ is None:
        return ()
    return tuple(itertools.islice(_read(format_, source.text), MOST_SETTINGS))


def _read(format_: SettingsFormat, text: str) -> Iterator[Setting]:
    from txsafe.settings.lines import read_env, read_ini, read_properties
    from txsafe.settings.toml import read_toml
    from txsafe.settings.yaml import read_yaml

    match format_:
        case SettingsFormat.ENV:
            return read_env(text)
        case SettingsFormat.INI:
            return read_ini(text)
        case SettingsFormat.PROPERTIES:
            return read_properties(text)
        case SettingsFormat.TOML:
            return read_toml(text)
        case SettingsFormat.YAML:
            return read_yaml(text)
