"""Finds and reads the configuration file: `txsafe.toml`, or `[tool.txsafe]` in `pyproject.toml`.

In: where to start looking. Out: a `Config`. `tomllib` gives no places, so the line of a faulty key is looked up in the
text afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from txsafe.config import Config, OptionError, apply
from txsafe.errors import ConfigError
from txsafe.patterns import later
from txsafe.watching import is_there, sought

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from pathlib import Path

_OWN_FILE = "txsafe.toml"
_SHARED_FILE = "pyproject.toml"
_REPOSITORY_MARKS = (".git", ".hg", ".svn", ".jj")
_PLACE = later(r" \(at line (\d+), column \d+\)$")


def load_config(start: Path) -> Config:
    """Return the configuration of the nearest file above `start`, within its repository; without one the defaults.

    Raises `ConfigError`: the file is no TOML, or says something that makes no sense.
    """
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.parents):
        for name in (_OWN_FILE, _SHARED_FILE):
            file = candidate / name
            sought(file)
            table = _read_table(file) if file.is_file() else None
            if table is not None:
                return _decode(file, table)
        if any(is_there(candidate / mark) for mark in _REPOSITORY_MARKS):
            break
    return Config()


def read_config(file: Path) -> Config:
    """Return the configuration in a file that was named; a `pyproject.toml` must have the table.

    Raises `ConfigError`: it cannot be read, is no TOML, has no such table, or says something that makes no sense.
    """
    table = _read_table(file)
    if table is None:
        raise ConfigError(f"{file}: has no table [tool.txsafe]")
    return _decode(file, table)


def _read_table(file: Path) -> Mapping[str, object] | None:
    sought(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    shared = file.name == _SHARED_FILE
    if shared and b"txsafe" not in data:
        return None
    document = _parse(file, data)
    if not shared:
        return document
    tools = document.get("tool")
    table = tools.get("txsafe") if isinstance(tools, Mapping) else None
    if table is None or isinstance(table, Mapping):
        return table
    raise ConfigError(f"{file}:{_line_of(data.decode(), ['txsafe'])}: tool.txsafe is not a table")


def _parse(file: Path, data: bytes) -> Mapping[str, object]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: is not valid UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _PLACE.search(message)
        line = int(place[1]) if place else data.count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: {_PLACE.sub('', message)}") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: is nested too deeply") from error


def _decode(file: Path, table: Mapping[str, object]) -> Config:
    folder = file.absolute().parent
    try:
        return apply(Config(root=folder, file=file), table, folder=folder)
    except OptionError as error:
        text = file.read_text("utf-8-sig")
        prefix = ["tool", "txsafe"] if file.name == _SHARED_FILE else []
        raise ConfigError(f"{file}:{_line_of(text, [*prefix, error.key])}: {error}") from error


def locate(error: ConfigError, config: Config, key: str) -> ConfigError:
    """Return an error about an option's value, with the file and line where that is set.

    What the file does not set comes from a flag, which the message names by its value.
    """
    file = config.file
    if file is None:
        return error
    table = _read_table(file) or {}
    given = table.get(key)
    current = getattr(config, key)
    if given is None or (isinstance(given, str) and given != current):
        return error
    prefix = ["tool", "txsafe"] if file.name == _SHARED_FILE else []
    return ConfigError(f"{file}:{_line_of(file.read_text('utf-8-sig'), [*prefix, key])}: {key}: {error}")


def _line_of(text: str, keys: list[str]) -> int:
    """Return the line where a key is set or its table is opened; the first line where neither is found."""
    section: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = _split_key(stripped.strip("[]").split("]")[0])
            if section[: len(keys)] == keys:
                return number
            continue
        spelled = section + _split_key(stripped.split("=")[0])
        if "=" in stripped and spelled[: len(keys)] == keys:
            return number
    return 1


def _split_key(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
