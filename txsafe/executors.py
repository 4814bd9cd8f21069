"""The address of a cluster in, a `concurrent.futures.Executor` that runs on it out.

Its workers must have the same txsafe, and see the files under the same paths. What is sent to them and comes back is
the business of the cluster, which its user trusts; nothing from the analysed files is ever unpickled by itself.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from txsafe import __version__
from txsafe.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from distributed import Client

_PROTOCOLS = {"dask": "tcp", "dask+tls": "tls"}
_PATIENCE = 10.0
"""Seconds that a cluster has to answer."""
_Worker = tuple[str, str, bool]


@contextmanager
def open_executor(address: str, *, folder: str) -> Iterator[Executor]:
    """Yield what runs functions on the workers of `dask://HOST:PORT`, which have to see `folder`.

    Raises `ConfigError`: it is no such address, does not answer, or its workers are of no use.
    """
    scheme, _, place = address.partition("://")
    if scheme not in _PROTOCOLS or not place:
        raise ConfigError(f"--executor: {address!r} is not of the form dask://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("--executor: dask is not installed; `pip install txsafe[dask]` does it") from None
    try:
        client = Client(f"{_PROTOCOLS[scheme]}://{place}", timeout=_PATIENCE)
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise ConfigError(f"--executor: {address} does not answer") from error
    with client:
        _check(client, address, folder)
        with client.get_executor() as executor:
            yield executor


def _check(client: Client, address: str, folder: str) -> None:
    """Refuse workers that would find something else than this process."""
    own = look(folder)
    try:
        found: dict[str, _Worker] = client.run(look, folder)
    except ImportError as error:
        raise ConfigError(f"--executor: a worker of {address} has no txsafe {__version__}") from error
    if not found:
        raise ConfigError(f"--executor: {address} has no workers")
    for worker, (version, python, sees) in found.items():
        if (version, python) != own[:2]:
            wanted = f"txsafe {own[0]}, Python {own[1]}"
            raise ConfigError(f"--executor: {worker} has txsafe {version}, Python {python}; it takes {wanted}")
        if not sees:
            raise ConfigError(f"--executor: {worker} does not see {folder}")


def look(folder: str) -> _Worker:
    """Return txsafe's and Python's version, and whether a folder is there; run by workers."""
    return __version__, ".".join(map(str, sys.version_info[:2])), os.path.isdir(folder)  # noqa: PTH112
