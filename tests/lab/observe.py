"""`python -m tests.lab.observe [POOLER…]`: run every probe on every pooler of the lab and write down what was seen.

Out: `rules/observed/POOLER-VERSION.yaml`, committed; the tests compare them with the catalogue's verdicts, cell by
cell.
"""

from __future__ import annotations

import datetime as dt
import secrets
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.lab.packages import Packages, install
from tests.lab.places import CHECKOUT
from tests.lab.poolers import (
    NOT_OBSERVED,
    Endpoint,
    direct_endpoint,
    start_odyssey,
    start_pgagroal,
    start_pgbouncer,
    start_pgpool,
)
from tests.lab.servers import SUITE_OF_MAJOR, start_server
from tests.lab.session import Session
from txsafe.catalog import load_catalog
from txsafe.errors import ProbeError
from txsafe.probe.observe import observe
from txsafe.probe.pool import Pool, detect_pool
from txsafe.probe.probes import make_probes
from txsafe.probe.survey import survey
from txsafe.probe.verdicts import settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from txsafe.probe.observe import Observation

OBSERVED = CHECKOUT / "rules" / "observed"
WORKERS = 8
"""Poolers that are probed at once: a probe mostly waits."""


def start_all(
    session: Session, packages: Mapping[str, Packages], majors: Iterable[int] = tuple(SUITE_OF_MAJOR), *, spare: int = 0
) -> Iterator[Endpoint]:
    """Start everything there is; `spare`: for how many more clients there is room where each keeps its connection."""
    servers = [start_server(session, packages, major) for major in majors]
    # The slowest first, so that none is left alone at the end.
    yield from start_pgpool(session, packages, servers, spare)
    yield from start_pgagroal(session, packages, servers, spare)
    yield from map(direct_endpoint, servers)
    for version in ("1.18", "1.24", "1.26"):
        yield from start_pgbouncer(session, packages, servers, version)
    yield from start_odyssey(session, packages, servers)


def observe_endpoint(endpoint: Endpoint) -> tuple[Observation, ...]:
    """Run all probes against one endpoint."""
    pool = detect_pool(endpoint.dsn())
    assert isinstance(pool, Pool), f"{endpoint.name}: {pool.text}"
    try:
        return tuple(survey(endpoint.dsn(), pool, load_catalog().rules.values()))
    except ProbeError as error:
        log = "" if endpoint.running is None else endpoint.running.log.read_text(errors="replace")[-2000:]
        raise ProbeError(f"{endpoint.name}: {error}\n{log}") from error


def observe_again(endpoint: Endpoint, seen: Observation) -> Observation:
    """Run one probe in one context once more."""
    pool = detect_pool(endpoint.dsn())
    assert isinstance(pool, Pool), f"{endpoint.name}: {pool.text}"
    probes = make_probes(load_catalog().rules.values(), secrets.token_hex(4))
    return observe(endpoint.dsn(), pool, next(each for each in probes if each.id == seen.probe), seen.context)


def write(found: Mapping[Endpoint, Sequence[Observation]], folder: Path = OBSERVED) -> None:
    """Write one file per pooler and version."""
    files: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in found:
        files["-".join(filter(None, (endpoint.pooler, endpoint.version)))].append(endpoint)
    folder.mkdir(exist_ok=True)
    for name, endpoints in files.items():
        lines = "\n".join(_render(endpoints, found))
        (folder / f"{name}.yaml").write_text(lines + "\n", encoding="utf-8")


def _render(endpoints: Sequence[Endpoint], found: Mapping[Endpoint, Sequence[Observation]]) -> Iterator[str]:
    first = endpoints[0]
    yield "# What real clients saw; written by `python -m tests.lab.observe`, never by hand."
    yield f"pooler: {first.pooler}"
    yield f'version: "{first.version}"'
    yield f'exact-version: "{first.exact_version if first.running else ""}"'
    yield f'date: "{dt.datetime.now(tz=dt.UTC).date().isoformat()}"'
    for mode, reason in NOT_OBSERVED.get(first.pooler, {}).items():
        yield f"not-observed: {{{mode}: {_quote(reason)}}}"
    texts: dict[str, str] = {}
    yield "profiles:"
    for endpoint in endpoints:
        yield f"- mode: {endpoint.mode}"
        yield f'  server-version: "{endpoint.server.version}"'
        settings = ", ".join(f'{key}: "{value}"' for key, value in sorted(endpoint.settings.items()))
        yield f"  settings: {{{settings}}}"
        yield "  cells:"
        rows: dict[str, list[str]] = defaultdict(list)
        requires: dict[str, tuple[str, ...]] = {}
        for seen in found[endpoint]:
            words = " ".join(seen.words)
            rows[seen.probe].append(f"{seen.context}: {words}")
            requires[seen.probe] = seen.requires
            if seen.text:
                texts.setdefault(
                    f"{seen.probe}, {seen.context}: {words}", settle(f"{seen.sqlstate} {seen.text}".strip())
                )
        for probe, cells in rows.items():
            yield f'    "{probe}": {{requires: [{_quoted(requires[probe])}], {", ".join(cells)}}}'
    yield "texts:"
    for key, text in texts.items():
        yield f"  {_quote(key)}: {_quote(text)}"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(wanted: Sequence[str]) -> None:
    """Observe and write."""
    started = time.monotonic()
    packages = install()
    with Session() as session, ThreadPoolExecutor(WORKERS) as pool:
        endpoints = [each for each in start_all(session, packages) if not wanted or each.pooler in wanted]
        print(f"{len(endpoints)} endpoints up after {time.monotonic() - started:.1f} s", file=sys.stderr)
        futures = {endpoint: pool.submit(observe_endpoint, endpoint) for endpoint in endpoints}
        found: dict[Endpoint, Sequence[Observation]] = {}
        for endpoint, future in futures.items():
            try:
                found[endpoint] = future.result()
            except ProbeError as error:
                print(error, file=sys.stderr)
                continue
            print(
                f"{time.monotonic() - started:6.1f} s  {len(found[endpoint])} cells  {endpoint.name}", file=sys.stderr
            )
    lost = {(endpoint.pooler, endpoint.version) for endpoint in endpoints if endpoint not in found}
    write({endpoint: seen for endpoint, seen in found.items() if (endpoint.pooler, endpoint.version) not in lost})
    print(f"{sum(map(len, found.values()))} cells in {time.monotonic() - started:.1f} s", file=sys.stderr)
    if lost:
        sys.exit(f"not written: {', '.join(' '.join(each) for each in sorted(lost))}")


if __name__ == "__main__":
    main(sys.argv[1:])
