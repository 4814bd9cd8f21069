"""A command line comes in, what it says of processes and threads goes out: `gunicorn app:app -w 4 --threads 2`.

Commands are read as text: split as a shell splits them, never run, no variable expanded but for its own default.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.budget.figures import Figure, Origin, Question, Source, known, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from txsafe.catalog.processes import Count, Program

LONGEST = 20_000
"""Characters of a command line that is read."""
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&"})
_OTHERS = frozenset(
    (
        *("add", "apk", "apt", "apt-get", "cd", "echo", "grep", "install", "kill", "killall", "mkdir", "pgrep", "pip"),
        *("pkill", "printf", "restart", "sed", "status", "stop", "systemctl", "which"),
    )
)
"""Words before a program's name on a line that does not start it."""
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
WORKERS = "--workers N"
THREADS = "--threads N"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command stands."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that runs the code: how many processes and threads of it one instance has."""

    name: str
    """What the file calls it: `web`, `worker`."""
    program: str
    path: str
    line: int
    processes: Figure
    threads: Figure
    instances: Figure | None = None
    """What the file says of it; None where it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command is started in."""

    variables: Mapping[str, Figure]
    settings: Mapping[str, Mapping[str, Figure]]
    """Program → name of a setting → what its file of settings says."""


def read_command(
    command: str | Sequence[str],
    place: Place,
    *,
    name: str,
    programs: Mapping[str, Program],
    surroundings: Surroundings,
) -> Service | None:
    """Return the first program of a command line that starts processes; None where there is none."""
    words = _split(command) if isinstance(command, str) else list(command)
    if not isinstance(command, str) and len(words) > 2 and words[1] in {"-c", "-lc"}:
        words = _split(words[2])
    for program, rest in _find_programs(words, programs):
        reader = _Reader(program, rest, place, surroundings)
        return Service(
            name=name,
            program=program.name,
            path=place.path,
            line=place.line,
            processes=reader.count(program.processes, WORKERS, "processes"),
            threads=reader.count(program.threads, THREADS, "threads"),
        )
    return None


def _split(text: str) -> list[str]:
    cut = text[:LONGEST].replace(";", " ; ")
    try:
        return shlex.split(cut)
    except ValueError:
        return cut.split()


def _find_programs(words: Sequence[str], programs: Mapping[str, Program]) -> Iterator[tuple[Program, list[str]]]:
    for part in _split_at_separators(words):
        for index, word in enumerate(part):
            program = programs.get(word.rpartition("/")[2])
            if program is None or not _OTHERS.isdisjoint(part[:index]):
                continue
            rest = part[index + 1 :]
            if program.command is None or program.command in rest:
                yield program, rest


def _split_at_separators(words: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word in _SEPARATORS:
            yield part
            part = []
        else:
            part.append(word)
    yield part


class _Reader:
    """Looks up what counts the processes of one program."""

    def __init__(self, program: Program, words: Sequence[str], place: Place, surroundings: Surroundings) -> None:
        self._program = program
        self._words = words
        self._place = place
        self._surroundings = surroundings

    def count(self, count: Count, flag: str, what: str) -> Figure:
        """Return a count: by the command line, the file of settings, the environment, or the default."""
        question = Question(flag, self._question(count, what))
        for option in count.options:
            text = _option(self._words, option)
            if text is not None:
                return self.value(text, f"{option} {text}", question)
        given = self._surroundings.settings.get(self._program.name, {})
        for setting in count.settings:
            if setting in given:
                return given[setting]
        if count.variable is not None and count.variable in self._surroundings.variables:
            return self._surroundings.variables[count.variable]
        if count.default is None:
            return unknown(question)
        text = f"{what}: {count.default}, the default of {self._program.name}"
        if count.variable is not None:
            text += f", unless {count.variable} is set"
        return known(count.default, Source(Origin.DEFAULT, text, reference=self._program.reference))

    def _question(self, count: Count, what: str) -> str:
        note = f" ({count.note})" if count.note else ""
        where = f"{self._place.path}:{self._place.line}"
        return f"how many {what} of {self._program.name} does one instance run?{note} {where} does not say"

    def value(self, text: str, shown: str, question: Question) -> Figure:
        """Return what an option's value comes to: a number, a variable, or its default."""
        source = Source(Origin.FILE, f"{self._program.name} {shown}", self._place.path, self._place.line)
        return read_count(text, source, question, self._surroundings.variables)


def read_count(text: str, source: Source, question: Question, variables: Mapping[str, Figure]) -> Figure:
    """Return the number that a text spells, as a shell would read it."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return known(int(text), source)
    found = _VARIABLE.fullmatch(text)
    if found is None:
        return unknown(question, source)
    variable = found["braced"] or found["plain"]
    if variable in variables:
        return variables[variable]
    default = (found["default"] or "").strip()
    if default.isascii() and default.isdigit() and len(default) < 10:
        shown = Source(source.origin, f"{source.text}, {default} unless {variable} is set", source.path, source.line)
        return known(int(default), shown)
    return unknown(Question(question.flag, f"which value has the variable {variable}? {question.text}"), source)


def _option(words: Sequence[str], option: str) -> str | None:
    """Return an option's value: `-w 4`, `-w4`, `--workers 4`, `--workers=4`; the last one counts."""
    found: str | None = None
    long = option.startswith("--")
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            found = words[index + 1]
        elif long and word.startswith(f"{option}="):
            found = word.partition("=")[2]
        elif not long and word.startswith(option) and word[len(option) :].lstrip("=").isdigit():
            found = word[len(option) :].lstrip("=")
    return found
