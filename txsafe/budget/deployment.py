"""Files that start processes come in, services, variables and further pools go out; nothing is run or expanded.

Procfiles, Dockerfiles, Compose and Kubernetes files, shell scripts, systemd units, `.env` files and the settings files
of the programs that `rules/processes.yaml` knows.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.budget.commands import THREADS, WORKERS, Place, Service, Surroundings, read_command, read_count
from txsafe.budget.expressions import read_expression
from txsafe.budget.figures import Figure, Origin, Question, Source, known, unknown
from txsafe.budget.pools import Pool
from txsafe.catalog.drivers import PoolKind
from txsafe.errors import SourceError
from txsafe.settings import read_settings
from txsafe.source import SettingsFormat, settings_format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from txsafe.catalog.processes import ForeignPool, Processes
    from txsafe.model import SourceFile
    from txsafe.settings import Setting

_PROCFILE = re.compile(r"^(?P<name>[\w-]++):[ \t]*+(?P<command>[^\r\n]++)", re.MULTILINE)
_DOCKER = re.compile(
    r"^[ \t]*+(?P<word>CMD|ENTRYPOINT|ENV)[ \t]++(?P<rest>(?:[^\\\n]|\\\r?\n|\\.)++)", re.MULTILINE | re.IGNORECASE
)
_DOCKER_PAIR = re.compile(r"(?P<key>\w++)(?:=|[ \t]++)(?:\"(?P<quoted>[^\"]*+)\"|(?P<plain>\S++))")
_UNIT = re.compile(r"^ExecStart[ \t]*+=[ \t]*+[-@:+!]*+(?P<command>(?:[^\\\n]|\\\r?\n|\\.)++)", re.MULTILINE)
_CONTINUED = re.compile(r"\\\r?\n")
_ASSIGNED = re.compile(r"^[ \t]*+(?:export[ \t]++)?+(?P<key>[A-Z][A-Z0-9_]*+)=(?P<value>[^\s;&|]++)", re.MULTILINE)
_SAMPLE = re.compile(r"example|sample|template|dist|test", re.IGNORECASE)
_SCRIPT = re.compile(r"(?:\.sh|\.bash)$|^(?:docker-)?(?:entrypoint|start|run)(?:[-_.].*)?$", re.IGNORECASE)
_PREFIXES = ("procfile", "dockerfile", "containerfile", "gunicorn")
_SUFFIXES = (".dockerfile", ".service")
_FORMATS = frozenset({SettingsFormat.ENV, SettingsFormat.YAML, SettingsFormat.PROPERTIES})
_IGNORED_SIGNS = re.compile(r"[-_]")
MAX_BYTES = 256 * 1024
"""Of one file: what starts processes is short."""


def is_deployment_file(name: str) -> bool:
    """Tell by its name whether a file may start processes or say how many."""
    lowered = name.lower()
    if lowered.startswith(_PREFIXES) or lowered.endswith(_SUFFIXES):
        return True
    return _SCRIPT.search(name) is not None or settings_format(name) in _FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the files say."""

    services: tuple[Service, ...]
    variables: Mapping[str, Figure]
    """Of the environment, those that are numbers."""
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A command line and what it belongs to."""

    name: str
    text: str | tuple[str, ...]
    place: Place
    instances: str | None = None


@dataclass(slots=True)
class _Findings:
    """What was found so far."""

    commands: list[_Command] = field(default_factory=list)
    variables: dict[str, Figure] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    settings: dict[str, dict[str, Figure]] = field(default_factory=lambda: defaultdict(dict))

    def variable(self, name: str, value: str, source: SourceFile, offset: int) -> None:
        """Take note of a variable that is a number; the first file that sets it counts."""
        value = value.strip().strip("'\"")
        if value.isascii() and value.isdigit() and len(value) < 10:
            line = source.position(offset).line
            figure = known(int(value), Source(Origin.FILE, f"{name} = {value}", source.path, line))
            self.variables.setdefault(name, figure)


def read_deployment(sources: Iterable[SourceFile], processes: Processes) -> Deployment:
    """Return what some files say of processes, variables and pools."""
    findings = _Findings()
    for source in sources:
        _read(source, processes, findings)
    surroundings = Surroundings(variables=findings.variables, settings=findings.settings)
    services: dict[tuple[str, str], Service] = {}
    for command in findings.commands:
        service = read_command(
            command.text, command.place, name=command.name, programs=processes.programs, surroundings=surroundings
        )
        if service is not None:
            services.setdefault((service.name, service.program), _with_instances(service, command, findings.variables))
    return Deployment(services=tuple(services.values()), variables=findings.variables, pools=tuple(findings.pools))


def _with_instances(service: Service, command: _Command, variables: Mapping[str, Figure]) -> Service:
    if command.instances is None:
        return service
    question = Question(f"--instances {service.name}=N", f"how many instances of {service.name} run?")
    source = Source(Origin.FILE, f"{command.instances} instances", service.path, service.line)
    return Service(
        name=service.name,
        program=service.program,
        path=service.path,
        line=service.line,
        processes=service.processes,
        threads=service.threads,
        instances=read_count(command.instances, source, question, variables),
    )


def _read(source: SourceFile, processes: Processes, findings: _Findings) -> None:
    name = source.path.rpartition("/")[2]
    lowered = name.lower()
    if lowered.endswith(".py"):
        _read_python(source, name, processes, findings)
    elif lowered.startswith("procfile"):
        findings.commands += _procfile(source)
    elif "dockerfile" in lowered or lowered.startswith("containerfile"):
        _read_dockerfile(source, findings)
    elif lowered.endswith(".service"):
        findings.commands += _unit(source, name)
    elif settings_format(name) is not None:
        _read_settings(source, name, processes, findings)
    else:
        _read_script(source, name, processes, findings)


# ---------------------------------------------------------------- commands


def _procfile(source: SourceFile) -> Iterator[_Command]:
    for found in _PROCFILE.finditer(source.text):
        yield _Command(name=found["name"], text=found["command"], place=_place(source, found.start()))


def _read_dockerfile(source: SourceFile, findings: _Findings) -> None:
    entry: _Command | None = None
    for found in _DOCKER.finditer(source.text):
        rest = _CONTINUED.sub(" ", found["rest"]).strip()
        if found["word"].upper() == "ENV":
            for pair in _DOCKER_PAIR.finditer(rest):
                findings.variable(pair["key"], pair["quoted"] or pair["plain"] or "", source, found.start())
            continue
        entry = _Command(name=_docker_name(source), text=_docker_words(rest), place=_place(source, found.start()))
        findings.commands.append(entry)


def _docker_name(source: SourceFile) -> str:
    folder = source.path.rpartition("/")[0].rpartition("/")[2]
    return folder or "app"


def _docker_words(text: str) -> str | tuple[str, ...]:
    if not text.startswith("["):
        return text
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return tuple(word for word in words if isinstance(word, str)) if isinstance(words, list) else text


def _unit(source: SourceFile, name: str) -> Iterator[_Command]:
    for found in _UNIT.finditer(source.text):
        text = _CONTINUED.sub(" ", found["command"])
        yield _Command(name=name.removesuffix(".service"), text=text, place=_place(source, found.start()))


def _read_script(source: SourceFile, name: str, processes: Processes, findings: _Findings) -> None:
    for found in _ASSIGNED.finditer(source.text):
        findings.variable(found["key"], found["value"], source, found.start())
    if not any(program in source.text for program in processes.programs):
        return
    text = _CONTINUED.sub(lambda found: " " * len(found[0]), source.text)
    offset = 0
    for line in text.splitlines(keepends=True):
        if not line.lstrip().startswith("#") and any(program in line for program in processes.programs):
            findings.commands.append(_Command(name=name, text=line.strip(), place=_place(source, offset)))
        offset += len(line)


# ---------------------------------------------------------------- settings


def _read_settings(source: SourceFile, name: str, processes: Processes, findings: _Findings) -> None:
    settings = read_settings(source)
    if settings_format(name) is SettingsFormat.ENV:
        if _SAMPLE.search(name) is None:
            for setting in settings:
                findings.variable(setting.name, setting.value, source, setting.span.start)
        return
    for pool in processes.pools:
        findings.pools += _foreign_pools(pool, settings, source)
    if settings_format(name) is SettingsFormat.YAML:
        findings.commands += _containers(settings, source)
        for setting in settings:
            if {"environment", "env"} & set(setting.key[:-1]):
                findings.variable(setting.key[-1], setting.value, source, setting.span.start)


def _containers(settings: Iterable[Setting], source: SourceFile) -> Iterator[_Command]:
    """Yield what Compose (`services.web.command`) and Kubernetes (`containers.command`, `args`) start."""
    words: dict[tuple[str, ...], list[Setting]] = defaultdict(list)
    counts: dict[tuple[str, ...], str] = {}
    for setting in settings:
        match setting.key:
            case ("services", service, "command" | "entrypoint"):
                words["services", service].append(setting)
            case ("services", service, "scale") | ("services", service, "deploy", "replicas"):
                counts["services", service] = setting.value
            case (*above, "containers", "command" | "args"):
                words["containers", *above].append(setting)
            case ("spec", "replicas"):
                counts["containers", "spec", "template", "spec"] = setting.value
            case _:
                continue
    name = source.path.rpartition("/")[2].partition(".")[0]
    for key, parts in words.items():
        text = parts[0].value if len(parts) == 1 else tuple(part.value for part in parts)
        place = _place(source, parts[0].span.start)
        yield _Command(name=key[1] if key[0] == "services" else name, text=text, place=place, instances=counts.get(key))


def _foreign_pools(pool: ForeignPool, settings: Iterable[Setting], source: SourceFile) -> Iterator[Pool]:
    keys = {_plain(key) for key in pool.keys}
    within = [setting for setting in settings if any(pool.within in part.lower() for part in setting.key)]
    own_file = pool.within in source.path.rpartition("/")[2].lower()
    candidates = list(settings) if own_file else within
    sized = [setting for setting in candidates if _plain(setting.key[-1]) in keys]
    for setting in sized:
        line = source.position(setting.span.start).line
        text = f"{setting.key[-1]} = {setting.value}"
        found = Source(Origin.FILE, text, source.path, line)
        question = Question("--pool-size N", f"what is the size of the pool of {pool.name} ({source.path}:{line})?")
        yield _pool(pool, source, line, read_count(setting.value, found, question, {}))
    if within and not sized:
        line = source.position(within[0].span.start).line
        text = f"{pool.keys[0]} = {pool.default}, the default of {pool.name}"
        default = Source(Origin.DEFAULT, text, source.path, line, pool.reference)
        yield _pool(pool, source, line, known(pool.default, default))


def _pool(pool: ForeignPool, source: SourceFile, line: int, size: Figure) -> Pool:
    return Pool(name=pool.name, driver=None, path=source.path, line=line, kind=PoolKind.SHARED, size=size)


def _plain(key: str) -> str:
    return _IGNORED_SIGNS.sub("", key).lower()


# ---------------------------------------------------------------- settings files in Python


def _read_python(source: SourceFile, name: str, processes: Processes, findings: _Findings) -> None:
    """Read `workers = 4` of a program's own file of settings."""
    for program in {each.name: each for each in processes.programs.values()}.values():
        if name not in program.configuration and not name.startswith(program.name):
            continue
        wanted = {*program.processes.settings, *program.threads.settings}
        for key, value in _assignments(source):
            if key in wanted:
                findings.settings[program.name][key] = _assigned(key, value, source, findings.variables)


def _assignments(source: SourceFile) -> Iterator[tuple[str, ast.expr]]:
    from txsafe.python.tree import Newer, parse_module

    try:
        tree = parse_module(source, newer=Newer.REFUSE)
    except SourceError:
        return
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case _:
                continue


def _assigned(key: str, value: ast.expr, source: SourceFile, variables: Mapping[str, Figure]) -> Figure:
    text = ast.unparse(value)
    reading = read_expression(text)
    place = Source(Origin.FILE, f"{key} = {text[:60]}", source.path, value.lineno)
    flag = THREADS if key == "threads" else WORKERS
    question = Question(flag, f"what does {key} come to ({source.path}:{value.lineno})?")
    if reading is None or reading.processors:
        return unknown(question, place)
    if reading.variable is not None and reading.variable in variables:
        return variables[reading.variable]
    return unknown(question, place) if reading.default is None else known(reading.default, place)


def _place(source: SourceFile, offset: int) -> Place:
    return Place(path=source.path, line=source.position(offset).line)
