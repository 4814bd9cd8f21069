"""`txsafe check`: paths in, reports and an exit status out.

Reports go to standard output and files, everything else to standard error. Exit status: 0 for nothing at or above
`--fail-on`, 1 for something, or for a file that could not be analysed, 2 for a usage, configuration or internal error,
a path that does not exist, or nothing to analyse at all: never 0 where nothing was looked at.
"""

from __future__ import annotations

import os
import time

from txsafe.cli.ending import tell
from txsafe.cli.flags import Flags, configure
from txsafe.cli.inputs import Setting, discover, has_work, load_rules, note, note_discovery, note_troubles, open_cache
from txsafe.cli.outputs import check_writable, record_baseline, written_baseline
from txsafe.cli.quoting import quotable_sources
from txsafe.cli.terminal import shown_progress, terminal_width, wants_color, write_output
from txsafe.config import Config, Format, show
from txsafe.errors import ConfigError
from txsafe.profiles import with_profile_files
from txsafe.selection import ExitStatus
from txsafe.watching import saw, spoil, watching

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from pathlib import Path

    from txsafe.cache.folder import Cache
    from txsafe.catalog import Catalog
    from txsafe.changes import Changes
    from txsafe.discovery import Discovery
    from txsafe.model import Report
    from txsafe.report import RenderContext
    from txsafe.watching import Watch


def run(paths: tuple[str, ...], flags: Flags, *, arguments: tuple[str, ...] | None) -> int:
    """Analyse the files of some paths and return the exit status; `arguments` is the whole command line, if known."""
    with watching() as watch:
        return _check(paths, flags, watch, arguments)


def _check(paths: tuple[str, ...], flags: Flags, watch: Watch, arguments: tuple[str, ...] | None) -> int:
    started = time.time()
    config = with_profile_files(configure(paths, flags))
    if flags.get("show_config"):
        write_output(show(config) + "".join(f"# {line}\n" for line in _versions(config, load_rules(config))))
        return ExitStatus.CLEAN
    clock = _Clock(enabled=config.debug)
    cache = None if flags.get("show_files") else open_cache(config)
    if cache is not None and cache.is_new:  # its folder has changed since, and what was read before may have, too
        started = time.time()
        config = with_profile_files(configure(paths, flags))
    discovery = discover(paths, flags, config)
    clock.tell("discovery")
    note_discovery(discovery, config)
    if flags.get("show_files"):
        write_output("".join(f"{file.display}\n" for file in discovery.files))
        return ExitStatus.FAILED if discovery.missing else ExitStatus.CLEAN
    if not has_work(discovery):
        return ExitStatus.CLEAN
    status = _Run(config=config, flags=flags, discovery=discovery, clock=clock, cache=cache).status()
    note_troubles(cache, config)
    if cache is not None and arguments is not None and not (watch.spoiled or config.verbose or config.debug):
        _record(cache, arguments, watch, status=status, started=started)
    return status


def _record(cache: Cache, arguments: tuple[str, ...], watch: Watch, *, status: int, started: float) -> None:
    """Keep what was said, to say it again when nothing has changed."""
    from txsafe.cache.keys import list_installation
    from txsafe.cache.replay import record

    for path in list_installation():
        saw(path)
    record(cache.place, arguments, watch, status=status, started=started)


# ---------------------------------------------------------------- the run


class _Run:
    """One run. No dataclass: see `txsafe.results`."""

    def __init__(
        self, *, config: Config, flags: Flags, discovery: Discovery, clock: _Clock, cache: Cache | None
    ) -> None:
        self.config = config
        self.flags = flags
        self.discovery = discovery
        self.clock = clock
        self.cache = cache

    def status(self) -> int:
        _check_outputs(self.config, self.flags)
        setting = Setting.of(self.config)
        self.clock.tell("rules")
        changes = self._changes()
        report = self._analyze(setting, changes)
        self.clock.tell("analysis")
        for line in _versions(self.config, setting.catalog) if self.config.verbose else ():
            note(line)
        report = self._filter(setting.with_complaints(report), changes)
        self._write(report, setting)
        self.clock.tell("reports")
        if self.discovery.missing:
            return ExitStatus.FAILED
        from txsafe.selection import exit_status

        return exit_status(report, self.config)

    def _analyze(self, setting: Setting, changes: Changes | None) -> Report:
        from txsafe.engine import analyze

        files = self.discovery.files
        if changes is not None:
            files = tuple(file for file in files if changes.touch_file(file.path))
        with shown_progress(self.config) as progress:
            return analyze(files, setting.config, profile=setting.profile, on_progress=progress, cache=self.cache)

    def _changes(self) -> Changes | None:
        if self.config.since is None:
            return None
        from txsafe.changes import changed_lines

        return changed_lines(self.config.since, self.config.root)

    def _filter(self, report: Report, changes: Changes | None) -> Report:
        from txsafe.gathering import gather
        from txsafe.selection import add_errors, keep_changed, select

        report = select(self._compare(report), self.config)
        if changes is not None:
            report = keep_changed(report, changes)
        return add_errors(gather(report), (*self.discovery.errors, *self.discovery.missing))

    def _compare(self, report: Report) -> Report:
        """Mark what the baseline knows; all of the report is compared, so that `--select` makes no entry look stale."""
        config = self.config
        record_baseline(report, self.flags, config)
        file = written_baseline(self.flags) or config.baseline
        if file is None:
            return report
        from txsafe.baseline import compare, read_baseline

        comparison = compare(report, read_baseline(file), root=config.root)
        if comparison.stale and not config.quiet:
            note(f"{file}: {len(comparison.stale)} stale, to be removed with --write-baseline:")
            for entry in comparison.stale:
                note(f"  {entry.path}: {entry.rule}: {entry.sql}")
        return comparison.report

    # ------------------------------------------------------------ reports

    def _write(self, report: Report, setting: Setting) -> None:
        from txsafe.report import render

        config = self.config
        plain = self._context(report, setting, color=False)
        for format_, path in config.output.items():
            _write_file(path, render(format_, report, plain))
        if config.output_file is not None:
            _write_file(config.output_file, render(config.format, report, plain))
        else:
            color = config.format is Format.TEXT and wants_color(config.color)
            write_output(render(config.format, report, self._context(report, setting, color=color)))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            self._annotate(render(Format.GITHUB, report, plain))

    def _annotate(self, annotations: str) -> None:
        """Add GitHub's annotations, on standard error where standard output is another program's input."""
        config = self.config
        if Format.GITHUB in config.output or (config.format is Format.GITHUB and config.output_file is None):
            return
        if config.format is Format.TEXT or config.output_file is not None:
            write_output(annotations)
        else:
            spoil()
            tell(annotations.removesuffix("\n"))

    def _names_rules(self, report: Report) -> bool:
        """Tell whether a report says something about rules: most do for what they found, SARIF in any case."""
        return bool(report.diagnostics) or Format.SARIF in {self.config.format, *self.config.output}

    def _context(self, report: Report, setting: Setting, *, color: bool) -> RenderContext:
        from txsafe.report import RenderContext, Verbosity

        config = self.config
        verbosity = Verbosity.QUIET if config.quiet else Verbosity.VERBOSE if config.verbose else Verbosity.NORMAL
        return RenderContext(
            rules=setting.catalog.rules if self._names_rules(report) else {},
            sources=quotable_sources(self.discovery.files, report, config),
            color=color,
            width=terminal_width(),
            verbosity=verbosity,
            statistics=config.statistics,
        )


def _write_file(path: Path, text: str) -> None:
    from txsafe.atomic import write_atomically

    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def _versions(config: Config, catalog: Catalog) -> tuple[str, ...]:
    """Return how the versions are known that verdicts depend on."""
    from txsafe.versions import list_versions

    return tuple(version.explain() for version in list_versions(config, catalog.drivers))


def _check_outputs(config: Config, flags: Flags) -> None:
    """Refuse before the work what would fail after it."""
    written = written_baseline(flags)
    if written is not None and config.since is not None:
        raise ConfigError("--write-baseline needs all diagnostics, not those of --since")
    check_writable([*config.output.values(), config.output_file, written])


class _Clock:
    """Tells under `--debug` how long each stage took."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.last = time.perf_counter()

    def tell(self, stage: str) -> None:
        now = time.perf_counter()
        if self.enabled:
            note(f"{stage}: {1000 * (now - self.last):.0f} ms")
        self.last = now
