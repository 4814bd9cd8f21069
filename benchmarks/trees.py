"""Source distributions of the package index → trees of files to analyse.

An archive is unpacked by name and suffix of its members alone, and its SHA-256 is compared with what the index says.
"""

from __future__ import annotations

import hashlib
import html
import re
import shutil
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag, urljoin

INDEX = "https://pypi.org/simple"
_LINK = re.compile(r'href="([^"]+)"')
_ROW = "INSERT INTO orders (id, customer, note) VALUES ({0}, 'customer {0}', 'it''s; done');\n"
_TIMEOUT = 120
_REGRESSION = "/libpg_query/test/sql/postgres_regress/"


@dataclass(frozen=True, slots=True)
class Archive:
    """A source distribution: the project's name on the index and the file's."""

    project: str
    file: str


PYTHON_ARCHIVES = (
    Archive("django", "django-5.2.7.tar.gz"),
    Archive("apache-airflow-core", "apache_airflow_core-3.0.6.tar.gz"),
)
SQL_ARCHIVE = Archive("pglast", "pglast-8.8.tar.gz")
"""It carries libpg_query, and that PostgreSQL's regression suite."""


def python_tree(folder: Path, cache: Path) -> Path:
    """Return a folder with the Python files of all archives."""
    for archive in PYTHON_ARCHIVES:
        _unpack(_fetch(archive, cache), folder / archive.project, suffix=".py")
    return folder


def sql_tree(folder: Path, cache: Path) -> Path:
    """Return a folder with PostgreSQL's regression suite."""
    _unpack(_fetch(SQL_ARCHIVE, cache), folder, suffix=".sql", within=_REGRESSION)
    return folder


def sql_dump(path: Path, *, size: int) -> Path:
    """Write a script of at least `size` bytes with rows and no session state, as a data dump has them."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as script:
            written = number = 0
            while written < size:
                written += script.write(_ROW.format(number))
                number += 1
    return path


def copies(tree: Path, folder: Path, times: int) -> Path:
    """Return a folder with so many copies of a tree."""
    for number in range(times):
        if not (folder / str(number)).exists():
            shutil.copytree(tree, folder / str(number))
    return folder


def _fetch(archive: Archive, cache: Path) -> Path:
    path = cache / archive.file
    if not path.exists():
        address, digest = _locate(archive)
        data = _read(address)
        if digest and hashlib.sha256(data).hexdigest() != digest:
            raise OSError(f"{archive.file}: not what the index promised")
        cache.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path


def _locate(archive: Archive) -> tuple[str, str]:
    page = f"{INDEX}/{archive.project}/"
    for link in _LINK.findall(_read(page).decode()):
        address, fragment = urldefrag(urljoin(page, html.unescape(link)))
        if PurePosixPath(address).name == archive.file:
            return address, fragment.removeprefix("sha256=")
    raise OSError(f"{archive.file} is not at {page}")


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:  # noqa: S310  # an https address of the index
        content: bytes = answer.read()
    return content


def _unpack(archive: Path, folder: Path, *, suffix: str, within: str = "/") -> None:
    if folder.exists():
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(suffix) and within in member.name:
                tar.extract(member, folder, filter="data")
