"""The address of a cluster in, a `concurrent.futures.Executor` that runs on it out.

Its workers must have the same txsafe, and see the files under the same paths. What is sent to them and comes back is
the business of the cluster, which its user trusts; nothing from the analysed files is ever unpickled by itself.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from txsafe import __version__
from txsafe.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

_PROTOCOLS = {"dask": "tcp", "dask+tls": "tls"}
_PATIENCE = 10.0
"""Seconds that a cluster has to answer, and to find new workers where it has lost all of them."""
_SECONDS_BETWEEN = 0.5
_Worker = tuple[str, str, bool]
T = TypeVar("T")


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
        with _Watched(client, address) as executor:
            yield executor


class _Watched(Executor):
    """Runs functions on a cluster, and says so when that has lost all its workers: dask waits for new ones for ever."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._executor = client.get_executor()
        self._waiting: dict[int, Callable[[ConfigError], None]] = {}
        """What ends each task that is not done."""
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        """Run a function on some worker."""
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        self._waiting[id(future)] = future.set_exception
        future.add_done_callback(lambda done: self._waiting.pop(id(done), None))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Let go of what is not done: who wanted it is gone, or has been told that it does not come."""
        self._ended.set()
        self._executor.shutdown(wait=False)

    def _watch(self) -> None:
        missing = 0.0
        while not self._ended.wait(_SECONDS_BETWEEN):
            missing = 0.0 if self._has_workers() else missing + _SECONDS_BETWEEN
            if missing >= _PATIENCE:
                self._give_up()

    def _give_up(self) -> None:
        for fail in tuple(self._waiting.values()):
            with suppress(InvalidStateError):  # it has come to an end meanwhile
                fail(ConfigError(f"--executor: {self._address} has lost all its workers"))

    def _has_workers(self) -> bool:
        try:
            return bool(self._client.nthreads())
        except Exception:  # noqa: BLE001  # the scheduler is gone, too; dask says that in many ways
            return False


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
