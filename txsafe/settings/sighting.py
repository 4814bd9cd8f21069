"""Settings and what drivers make of them → the SQL and the session state that they ask for, as a `Sighting`.

Connection strings are told by their scheme, other settings by their names, whatever file they stand in; which schemes
and names count, and what they do, is said by `urls` and `keys` of `rules/drivers/*.yaml`.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.drivers import Word
from txsafe.connection_strings import ConnectionString, carrier_of, read_options, read_url, startup_parameters
from txsafe.model import ApiUse, Confidence, Fragment, Place, Sighting, SqlSite, SqlTemplate, Transaction
from txsafe.model import TransactionContext as Context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from txsafe.catalog.drivers import Condition, Drivers, SettingKey, Use
    from txsafe.model import SourceFile, Span
    from txsafe.settings.entries import Setting

SINK = "settings"
"""What sends the SQL of a settings file: a pool, whenever it opens a connection."""
_FIELD = re.compile(r"\{([^{}]+)\}")
_SAME = str.maketrans("", "", "-_")
"""`connection-init-sql`, `CONNECTION_INIT_SQL` and `connectionInitSql` are one name."""
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_NONE = frozenset({"none", "null", "~"})


def find_in_settings(source: SourceFile, settings: Iterable[Setting], drivers: Drivers) -> Sighting:
    """Return what a settings file sends or asks for."""
    given = tuple(settings)
    finder = _Finder(source.path, drivers, _by_parent(given))
    sites: list[SqlSite] = []
    uses: dict[tuple[str, Span, str], ApiUse] = {}
    for setting in given:
        for found in finder.find(setting):
            if isinstance(found, SqlSite):
                sites.append(found)
            else:
                uses.setdefault((found.api, found.place.span, found.facts.get("name", "")), found)
    return Sighting(sites=tuple(sites), uses=tuple(uses.values()), sinks=len(sites))


def _by_parent(settings: Iterable[Setting]) -> Mapping[tuple[str, ...], Mapping[str, str]]:
    grouped: dict[tuple[str, ...], dict[str, str]] = {}
    for setting in settings:
        if setting.key:
            grouped.setdefault(setting.key[:-1], {})[setting.key[-1]] = setting.value
    return grouped


@dataclass(frozen=True, slots=True)
class _Finder:
    path: str
    drivers: Drivers
    siblings: Mapping[tuple[str, ...], Mapping[str, str]]

    def find(self, setting: Setting) -> Iterator[SqlSite | ApiUse]:
        if "://" in setting.value:
            yield from self._of_url(setting)
        name = setting.name.lower().translate(_SAME)
        for pattern, key in self.drivers.keys.items():
            if fnmatch.fnmatchcase(name, pattern) and self._stands_beside(setting, key):
                yield from self._of_key(setting, key)
                return

    def _stands_beside(self, setting: Setting, key: SettingKey) -> bool:
        beside = self.siblings.get(setting.key[:-1], {})
        return all(beside.get(name) in wanted for name, wanted in key.beside.items())

    # ---------------------------------------------------------------- connection strings

    def _of_url(self, setting: Setting) -> Iterator[ApiUse]:
        url = read_url(setting.value)
        form = None if url is None else self.drivers.url_form(url.scheme)
        if url is None or form is None:
            return
        for name, parameter in startup_parameters(url, form):
            api = "startup-parameter" if name else "startup-options"
            facts = {"name": name, "value": parameter.value, "carrier": carrier_of(parameter, form)}
            span = setting.part(parameter.start, parameter.end)
            yield self._use(api, facts, setting=setting, span=span, driver=form.driver)
        for use in form.uses:
            if not _holds(use, url):
                continue
            at = url.get(use.at) if use.at is not None else None
            span = setting.span if at is None else setting.part(at.start, at.end)
            facts = {name: _fill(text, url) for name, text in use.facts.items()}
            yield self._use(use.api, facts, setting=setting, span=span, driver=form.driver, confidence=use.confidence)

    # ---------------------------------------------------------------- other settings

    def _of_key(self, setting: Setting, key: SettingKey) -> Iterator[SqlSite | ApiUse]:
        if key.is_sql and setting.value.strip() and not self._is_foreign(setting):
            fragment = Fragment(text=setting.value, place=self._place(setting.span), exact=setting.exact)
            yield SqlSite(
                place=fragment.place,
                sink=SINK,
                driver=key.driver,
                template=SqlTemplate(fragments=(fragment,)),
                transaction=Context(kind=Transaction.AUTOCOMMIT),
                route=setting.key[-1:],
            )
        if key.is_options:
            for name, value in read_options(setting.value):
                facts = {"name": name, "value": value, "carrier": setting.key[-1]}
                yield self._use("startup-parameter", facts, setting=setting, driver=key.driver)
        for use in key.uses:
            if all(_accepts(setting.value, words) for words in use.when.accepted.values()) and not any(
                _accepts(setting.value, words) for each in use.unless for words in each.accepted.values()
            ):
                facts = {name: text.replace("{value}", setting.value) for name, text in use.facts.items()}
                yield self._use(use.api, facts, setting=setting, driver=key.driver, confidence=use.confidence)

    def _is_foreign(self, setting: Setting) -> bool:
        """Tell whether the connection strings nearby are all for other databases."""
        nearby = [value for depth in (-1, -2) for value in self.siblings.get(setting.key[:depth], {}).values()]
        schemes = [url.scheme for url in map(read_url, nearby) if url is not None]
        return bool(schemes) and all(self.drivers.url_form(scheme) is None for scheme in schemes)

    def _use(
        self,
        api: str,
        facts: Mapping[str, str],
        *,
        setting: Setting,
        span: Span | None = None,
        driver: str | None,
        confidence: Confidence = Confidence.HIGH,
    ) -> ApiUse:
        return ApiUse(
            place=self._place(span or setting.span),
            api=api,
            driver=driver,
            facts=MappingProxyType(dict(facts)),
            route=setting.key[-1:],
            confidence=confidence,
        )

    def _place(self, span: Span) -> Place:
        return Place(self.path, span)


def _holds(use: Use, url: ConnectionString) -> bool:
    return _condition_holds(use.when, url) and not any(_condition_holds(each, url) for each in use.unless)


def _condition_holds(condition: Condition, url: ConnectionString) -> bool:
    return all(_parameter_fits(url, name, words) for name, words in condition.accepted.items())


def _parameter_fits(url: ConnectionString, name: str, words: Iterable[str]) -> bool:
    parameter = url.get(name)
    if parameter is None:
        return Word.ABSENT in words
    return _accepts(parameter.value, words)


def _accepts(value: str, words: Iterable[str]) -> bool:
    return any(_accepts_word(value.strip().lower(), word) for word in words)


def _accepts_word(value: str, word: str) -> bool:
    match word:
        case Word.ABSENT:
            return False
        case Word.GIVEN:
            return True
        case Word.NONE:
            return value in _NONE
        case Word.TRUE:
            return value in _TRUE
        case Word.FALSE:
            return value in _FALSE
        case _:
            return fnmatch.fnmatchcase(value, word.lower())


def _fill(template: str, url: ConnectionString) -> str:
    def value(found: re.Match[str]) -> str:
        parameter = url.get(found[1])
        return Word.ABSENT if parameter is None else parameter.value

    return _FIELD.sub(value, template)
