"""`rules/observed/*.yaml` come in, `Coverage` goes out: what was really seen behind which pooler.

The catalogue's `observed` says how a sentence is known; it may speak of versions between those that were observed. This
tells which cells of the matrix the data itself covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog import find_rules_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from txsafe.catalog import Catalog
    from txsafe.catalog.poolers import Pooler
    from txsafe.model import Profile

CUSTOM = "parameter:txsafe.probe"
"""Stands for every custom parameter: neither server nor pooler knows any of them by name."""
_Place = tuple[str, str, str, int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which capabilities were seen where: by pooler, version, mode, server and the settings that are no defaults."""

    seen: Mapping[_Place, frozenset[str]]

    def covers(self, profile: Profile, capabilities: tuple[str, ...], catalog: Catalog) -> bool:
        """Tell whether all these capabilities were observed behind a profile's pooler."""
        server = profile.server_version or catalog.server.oldest_supported
        pooler = catalog.poolers[profile.pooler]
        place = _place(pooler, profile.version or "", profile.mode, server, profile.settings)
        seen = self.seen.get(place, frozenset())
        return bool(capabilities) and all(_stand_in(capability) in seen for capability in capabilities)


def _stand_in(capability: str) -> str:
    kind, _, name = capability.partition(":")
    return CUSTOM if kind == "parameter" and "." in name else capability


def _place(pooler: Pooler, version: str, mode: str, server: int, settings: Mapping[str, str]) -> _Place:
    own: list[tuple[str, str]] = []
    for name, text in settings.items():
        setting = pooler.settings[name]
        value = setting.parse(text) or ""
        if value != setting.default(version or None):
            own.append((name, value))
    return (pooler.id, ".".join(version.split(".")[:2]), mode, server, tuple(sorted(own)))


def load_coverage(catalog: Catalog, folder: Path | None = None) -> Coverage:
    """Read all committed observations."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    seen: dict[_Place, set[str]] = {}
    for file in sorted((folder or find_rules_directory() / "observed").glob("*.yaml")):
        document = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506  # a base loader: texts, lists and mappings
        pooler = catalog.poolers[document["pooler"]]
        for entry in document["profiles"]:
            server = int(entry["server-version"].partition(".")[0])
            place = _place(pooler, document["version"], entry["mode"], server, entry["settings"])
            own = seen.setdefault(place, set())
            for row in entry["cells"].values():
                own.update(row["requires"])
    return Coverage({place: frozenset(capabilities) for place, capabilities in seen.items()})
