"""Python text → `Sighting`: `find_sites`.

Names, values, receivers and transactions are read from `ast`; nothing of the analysed program is imported or executed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.catalog.drivers import Drivers
    from txsafe.model import SourceFile
    from txsafe.python.scopes import Module
    from txsafe.python.views import View
    from txsafe.versions import PackageVersion

__all__ = ["PythonOptions", "find_sites"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonOptions:
    """What a project tells about itself."""

    sinks: Mapping[str, int] = field(default_factory=dict)
    """Qualified name of a function → position of its argument that is SQL (`[tool.txsafe.sinks]`)."""
    versions: Mapping[str, PackageVersion] = field(default_factory=dict)
    """Package → what is known of the version that the program runs with."""
    module: str = ""
    """The file's dotted module name, where known."""
    parsed: Module | None = None
    """The file as a project has parsed it, with its name and what its imports are followed through."""


_DEFAULTS = PythonOptions()


def find_sites(source: SourceFile, drivers: Drivers, *, options: PythonOptions = _DEFAULTS) -> Sighting:
    """Return the SQL that a Python file sends, the session APIs that it uses, and the sinks whose SQL is not in view.

    Raises:
        SourceError: where the file cannot be parsed.

    """
    from txsafe.python.scopes import Module
    from txsafe.python.views import View

    module = options.parsed or Module.of(source, name=options.module)
    view = View.of_file(module, drivers, declared=options.sinks)
    try:
        return _find_in(view, options)
    finally:
        view.dissolve()
        if options.parsed is None:
            module.forget()


def _find_in(view: View, options: PythonOptions) -> Sighting:
    from txsafe.python.constructs import Constructs
    from txsafe.python.literals import Literals
    from txsafe.python.sinks import Sinks
    from txsafe.python.uses import Uses

    sent = Sinks(view).find(view.described)
    uses = Uses(view, options.versions).find(view.described)
    constructs = tuple(Constructs(view).find(sent.covered))
    covered = sent.covered.union(fragment.place.span for site in constructs for fragment in site.template.fragments)
    literals = Literals(view.module, view.receivers, view.guards)
    return Sighting(
        sites=(*sent.sites, *constructs, *literals.find(covered)),
        uses=uses,
        unresolved=sent.unresolved,
        sinks=sent.sinks,
        loose=tuple(sorted(literals.loose)),
    )
