"""Python code in, what `find_sites` sees in it out: for the tests of this folder."""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.catalog.document import read_document
from txsafe.catalog.drivers import Drivers, decode_drivers
from txsafe.python import PythonOptions, find_sites
from txsafe.source import decode

if TYPE_CHECKING:
    from txsafe.model import ApiUse, Sighting, SourceFile, SqlSite

RULES = Path(__file__).parents[2] / "rules"
FILES = [file for folder in ("drivers", "libraries") for file in sorted((RULES / folder).glob("*.yaml"))]


@functools.cache
def shipped() -> Drivers:
    return decode_drivers(read_document(file, file.name) for file in FILES)


def source_of(code: str, path: str = "app.py") -> SourceFile:
    return decode(textwrap.dedent(code).encode(), path)


def see(code: str, path: str = "app.py", **options: object) -> Sighting:
    return find_sites(source_of(code, path), shipped(), options=PythonOptions(**options))  # type: ignore[arg-type]


def sent(code: str, path: str = "app.py") -> list[SqlSite]:
    """Return the sites that are calls."""
    return [site for site in see(code, path).sites if site.sink != "literal"]


def the_site(code: str, path: str = "app.py") -> SqlSite:
    sites = see(code, path).sites
    assert len(sites) == 1, [site.template.text for site in sites]
    return sites[0]


def texts(code: str, path: str = "app.py") -> list[str]:
    return [site.template.text for site in sent(code, path)]


def uses(code: str, api: str, path: str = "app.py") -> list[ApiUse]:
    return [use for use in see(code, path).uses if use.api == api]


def spelled(code: str, use: ApiUse | SqlSite) -> str:
    """Return what the code says at the place of a use."""
    span = use.place.span
    return source_of(code).text[span.start : span.end]
