"""Files that the program reads: paths → `FilePath`, what is read from them → the text of the file, in its place.

Paths start from `__file__`, from a package, or are relative to a folder that is guessed. Nothing is read but through
the project, which bounds it. A file of named queries, or of YAML or TOML, that is made into something by code that is
not followed is `Drawn`: looked up by a name that stands in the file, it gives what stands under it.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Place, SqlTemplate
from txsafe.python.domain import Drawn, FilePath, Items, Table, Text, Unknown, Value, Values, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from txsafe.model import SourceFile
    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.scopes import Module
    from txsafe.settings import Setting

_PARENTS = 8
_SAME = frozenset(
    {"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.fspath", "os.path.abspath", "os.path.realpath"}
    | {"os.path.normpath", "builtins.open", "io.open", "codecs.open", "importlib.resources.as_file"}
    | {"importlib.resources.open_text", "importlib.resources.path", "aiofiles.open", "anyio.Path", "anyio.open_file"}
)
_IN_PACKAGE = frozenset(
    {"importlib.resources.files", "importlib_resources.files", "pkg_resources.resource_filename"}
    | {"importlib.resources.open_text", "importlib.resources.open_binary", "importlib.resources.path"}
    | {"pkg_resources.resource_stream"}
)
"""Package, and names below it → path."""
_READ_IN_PACKAGE = frozenset(
    {"importlib.resources.read_text", "importlib.resources.read_binary", "pkgutil.get_data"}
    | {"pkg_resources.resource_string"}
)
_LOADERS = frozenset({"aiosql.from_path", "anosql.from_path", "anosql.load_queries"})
"""Path of a file of named queries → an object with one method for each."""
_TEXT_LOADERS = frozenset({"aiosql.from_str", "anosql.from_str", "anosql.load_queries_from_string"})
_SAME_METHODS = frozenset({"resolve", "absolute", "open", "expanduser", "as_posix", "__enter__", "__fspath__"})
_READING_WORDS = (
    "open(",
    "Path(",
    "read_text(",
    "read_bytes(",
    "get_data(",
    "resource_string(",
    "from_path(",
    "load_queries(",
)
_FILE_NAME = re.compile(r"\.(?:\w*sql|ya?ml|toml|ini|cfg|conf|env|properties|txt)(?:\.\w+)?[\"']")
"""The end of a literal that may name a file in which something can be looked up; formats as in `source`."""
_READING = frozenset({"read", "read_text", "read_bytes"})


def reads_files(module: Module) -> bool:
    """Return whether a file of the program, by its words, reads others."""
    known = module.memory.get(reads_files)
    if not isinstance(known, bool):
        text = module.source.text
        known = module.memory[reads_files] = any(word in text for word in _READING_WORDS)
    return known


def names_files(module: Module) -> bool:
    """Return whether a file of the program, by its words, names one in which something can be looked up."""
    known = module.memory.get(names_files)
    if not isinstance(known, bool):
        known = module.memory[names_files] = _FILE_NAME.search(module.source.text) is not None
    return known


# ---------------------------------------------------------------- paths


def special_name(node: ast.Name, frame: Frame) -> Value | None:
    """Return what `__file__`, `__name__` and `__package__` are in a file."""
    module = frame.module
    place = module.place(node)
    match node.id:
        case "__file__":
            return FilePath("a path", place, path=module.source.path, fixed=True)
        case "__name__" if module.name:
            return Text(literal(module.name, place))
        case "__package__" if module.name:
            package = module.name if module.is_package else module.name.rpartition(".")[0]
            return Text(literal(package, place))
    return None


def path_call(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, qualified: str, call: ast.Call, frame: Frame
) -> Values | None:
    """Return what a function of the standard library's makes of paths; None where it is none of these."""
    if qualified in _IN_PACKAGE:
        return _in_package(evaluator, call, frame)
    if qualified in _READ_IN_PACKAGE:
        return tuple(text_of(evaluator, path, call, frame) for path in _in_package(evaluator, call, frame))
    if qualified in _LOADERS:
        return tuple(_loaded(evaluator, path, call, frame) for path in _paths(evaluator, call.args[:1], call, frame))
    if qualified in _TEXT_LOADERS and call.args:
        return (drawn_from(evaluator, evaluator.values(call.args[0], frame), call, frame) or _no_path(call, frame),)
    if qualified == "os.path.dirname":
        return tuple(_moved(path, "..") for path in _paths(evaluator, call.args[:1], call, frame))
    if qualified in _SAME or qualified == "os.path.join":
        arguments = call.args if qualified in {"os.path.join", "pathlib.Path"} else call.args[:1]
        return tuple(_paths(evaluator, arguments, call, frame))
    return None


def _in_package(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values:
    """Return the path that a package's name and names below it stand for."""
    package = call.args[0] if call.args else None
    project = frame.module.project
    if package is None or project is None:
        return (_no_path(call, frame),)
    names = [value.known for value in evaluator.values(package, frame) if isinstance(value, Text)]
    names = names or [frame.module.qualified_name(package)]
    found: list[Value] = []
    for name in names:
        folder = None if name is None else project.folder(name) or project.folder(name.rpartition(".")[0])
        if folder is not None:
            start = FilePath("a path", frame.module.place(call), path=folder, fixed=True)
            found += _joined(evaluator, (start,), call.args[1:], frame)
    return tuple(found) or (_no_path(call, frame),)


def _paths(evaluator: Evaluator, arguments: Sequence[ast.expr], call: ast.Call, frame: Frame) -> Iterable[Value]:
    if not arguments or isinstance(arguments[0], ast.Starred):
        return (_no_path(call, frame),)
    first = [as_path(value, call, frame) for value in evaluator.values(arguments[0], frame)]
    return _joined(evaluator, first, arguments[1:], frame)


def as_path(value: Value, node: ast.expr, frame: Frame) -> Value:
    """Return a text as the path that it is used as."""
    if isinstance(value, FilePath):
        return value
    known = value.known if isinstance(value, Text) else None
    return _no_path(node, frame) if known is None else FilePath("a file", frame.module.place(node), path=known)


def _no_path(node: ast.expr, frame: Frame) -> Unknown:
    return Unknown("a path", frame.module.place(node))


def _joined(
    evaluator: Evaluator, paths: Iterable[Value], arguments: Sequence[ast.expr], frame: Frame
) -> tuple[Value, ...]:
    found = tuple(paths)
    for argument in arguments:
        parts = evaluator.values(argument, frame)
        found = tuple(joined_path(path, part, argument, frame) for path in found for part in parts)[:_PARENTS]
    return found


def joined_path(path: Value, part: Value, node: ast.expr, frame: Frame) -> Value:
    """Return `path / part`."""
    name = part.known if isinstance(part, Text) else None
    if not isinstance(path, FilePath) or name is None:
        return _no_path(node, frame)
    return _moved(path, name)


def _moved(path: Value, name: str) -> Value:
    if not isinstance(path, FilePath):
        return path
    whole = posixpath.normpath(posixpath.join(path.path or ".", name))
    return FilePath(path.reason, path.place, path=whole, fixed=path.fixed)


def path_attribute(path: FilePath, name: str) -> Values:
    """Return an attribute of a path; empty where it is none that is followed."""
    match name:
        case "parent":
            return (_moved(path, ".."),)
        case "parents":
            above = [_moved(path, "/".join([".."] * (number + 1))) for number in range(_PARENTS)]
            return (Items(tuple((each,) for each in above), path.place),)
        case "name":
            return (Text(literal(posixpath.basename(path.path), path.place)),)
        case "stem":
            return (Text(literal(posixpath.splitext(posixpath.basename(path.path))[0], path.place)),)
    return ()


def path_method(evaluator: Evaluator, path: FilePath, name: str, call: ast.Call, frame: Frame) -> Values:
    """Return what a method of a path or an open file gives; empty where it is none that is followed."""
    if name in _READING:
        return (text_of(evaluator, path, call, frame),)
    if name in _SAME_METHODS:
        return (path,)
    if name in {"joinpath", "with_name"} and call.args:
        start = _moved(path, "..") if name == "with_name" else path
        return _joined(evaluator, (start,), call.args, frame)
    if name == "with_suffix" and call.args:
        stem = posixpath.splitext(path.path)[0]
        suffixes = [value.known for value in evaluator.values(call.args[0], frame) if isinstance(value, Text)]
        return tuple(
            FilePath(path.reason, path.place, path=stem + suffix, fixed=path.fixed) for suffix in suffixes if suffix
        )
    return ()


# ---------------------------------------------------------------- what stands in a file


def text_of(evaluator: Evaluator, path: Value, node: ast.expr, frame: Frame) -> Value:
    """Return the text of a file, spelled where it stands."""
    source = _source(path, frame) if isinstance(path, FilePath) else None
    if source is None:
        return evaluator.unknown("read from a file", node, frame)
    evaluator.files[source.path] = source
    return Text(SqlTemplate(fragments=_fragments(source, 0, len(source.text))))


def _source(path: FilePath, frame: Frame) -> SourceFile | None:
    project = frame.module.project
    if project is None or path.path.endswith(".py"):
        return None
    if path.fixed or path.path.startswith("/"):
        return project.text_file(path.path)
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(frame.module.source.path), path.path))
    return project.text_file(beside) or project.text_file(path.path)


def _fragments(source: SourceFile, start: int, end: int) -> tuple[Fragment, ...]:
    from txsafe.sql.templates import fragments, script_syntax

    return fragments(source, start, end, syntax=script_syntax(source.text))


def _loaded(evaluator: Evaluator, path: Value, call: ast.Call, frame: Frame) -> Value:
    text = text_of(evaluator, path, call, frame)
    return drawn_from(evaluator, (text,), call, frame) or text


def drawn_from(evaluator: Evaluator, values: Iterable[Value], node: ast.expr, frame: Frame) -> Drawn | None:
    """Return what stands for something that is made of values, where one of them comes from a file."""
    for value in values:
        match value:
            case Drawn():
                return value
            case Items(rest=Drawn() as drawn) | Table(rest=Drawn() as drawn):
                return drawn
            case Items(values=((Drawn() as drawn, *_), *_)):
                return drawn
            case Text(template) if template.fragments[0].place.path in evaluator.files:
                file = evaluator.files[template.fragments[0].place.path]
                return Drawn(f"made from {file.path}", frame.module.place(node), file=file)
            case FilePath():
                source = _source(value, frame)
                if source is not None:
                    evaluator.files[source.path] = source
                    return Drawn(f"made from {source.path}", frame.module.place(node), file=source)
    return None


def drawn_entry(drawn: Drawn, key: str | float | None) -> Values:
    """Return what stands in a file under a name; empty where no such name does."""
    if drawn.file is None or key is None:
        return ()
    path = (*drawn.key, str(key))
    settings = _settings(drawn.file)
    if settings:
        return _setting(drawn, path, settings)
    return _query(drawn.file, str(key)) if not drawn.key else ()


def _settings(file: SourceFile) -> Sequence[Setting]:
    from txsafe.settings import read_settings

    return read_settings(file)


def _setting(drawn: Drawn, path: tuple[str, ...], settings: Sequence[Setting]) -> Values:
    if drawn.file is None:
        return ()
    for setting in settings:
        if setting.key == path:
            place = Place(drawn.file.path, setting.span)
            return (Text(SqlTemplate(fragments=(Fragment(text=setting.value, place=place, exact=setting.exact),))),)
    if any(setting.key[: len(path)] == path for setting in settings):
        return (Drawn(drawn.reason, drawn.place, file=drawn.file, key=path),)
    return ()


def _query(file: SourceFile, name: str) -> Values:
    from txsafe.sql.sections import find_sections

    wanted = name.replace("-", "_")
    for section in find_sections(file.text):
        if section.name.replace("-", "_") == wanted:
            return (Text(SqlTemplate(fragments=_fragments(file, section.start, section.end))),)
    return ()
