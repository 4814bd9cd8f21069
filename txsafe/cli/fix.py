"""`txsafe fix`: paths in, fixed files, or a diff, and an exit status out.

Exit status: as `check` has it, for what is left; with `--diff` 1 where something would change, else 0.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from txsafe.cli.flags import configure
from txsafe.cli.inputs import STDIN, Setting, discover, has_work, note, note_discovery, note_troubles, open_cache
from txsafe.cli.parameters import fix_parameters
from txsafe.cli.terminal import write_output
from txsafe.errors import ConfigError, SourceError
from txsafe.model import Applicability
from txsafe.profiles import with_profile_files
from txsafe.report.wording import count
from txsafe.role_script import RoleScript
from txsafe.selection import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.cache.folder import Cache
    from txsafe.discovery import Discovery, FileInput
    from txsafe.fixing import FixedFile, Fixing
    from txsafe.model import Diagnostic, FileReport, Fix, Report


_LONG = 2_000
"""Lines."""


def run(
    paths: tuple[str, ...],
    *,
    diff: bool,
    unsafe_fixes: bool,
    ddl: str | None,
    role: str | None,
    database: str | None,
    **flags: object,
) -> int:
    """Fix the files of some paths and return the exit status."""
    if (ddl is None) != (role is None and database is None):
        raise ConfigError("--ddl needs --role or --database, and they need --ddl")
    if STDIN in paths and len(paths) > 1:
        raise ConfigError("standard input is fixed alone, without other paths")
    config = with_profile_files(configure(paths, flags))
    cache = open_cache(config)
    discovery = discover(paths, flags, config)
    note_discovery(discovery, config)
    if not has_work(discovery):
        return ExitStatus.CLEAN
    setting = Setting.of(config)
    applicable = {Applicability.SAFE, Applicability.UNSAFE} if unsafe_fixes else {Applicability.SAFE}
    fixer = _Run(
        script=None if ddl is None else RoleScript.of(role, database),
        script_file=None if ddl is None else Path(ddl),
        setting=setting,
        discovery=discovery,
        applicable=frozenset(applicable),
        trees=_trees(paths, config.root),
        cache=cache,
    )
    status = fixer.show() if diff else fixer.write()
    note_troubles(cache, config)
    return status


fix_command = click.Command(
    "fix",
    callback=run,
    params=fix_parameters(),
    help="Apply the fixes that are safe, and say what is left. PATHS are files and folders, - is standard input (the "
    "result goes to standard output); the default is the working directory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _trees(paths: Iterable[str], root: Path) -> tuple[Path, ...]:
    """Return the folders that a run may write in: the project, and what was named."""
    named = (Path(path) for path in paths if path != STDIN)
    return (root, *(path if path.is_dir() else path.absolute().parent for path in named))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    setting: Setting
    discovery: Discovery
    applicable: frozenset[Applicability]
    trees: tuple[Path, ...]
    script: RoleScript | None
    """What the role is given, where that is asked for."""
    script_file: Path | None
    cache: Cache | None

    # ------------------------------------------------------------ what the user sees

    def write(self) -> int:
        """Write the fixed files, and say what was done."""
        report, fixing = self._fix()
        self._write_script(fixing)  # first: a program without the settings needs it
        left_alone = {}
        for fixed in fixing.files:
            reason = self._write_file(fixed)
            if reason is not None:
                left_alone[fixed.file.display] = reason
        self._tell(report, fixing, left_alone)
        return ExitStatus.FOUND if left_alone else self._status(report, fixing)

    def show(self) -> int:
        """Print what would change."""
        _, fixing = self._fix()
        write_output("".join((*self._script_diff(fixing), *(_diff(fixed) for fixed in fixing.files))))
        if not self.setting.config.quiet:
            files = len(fixing.files)
            note(f"{count(len(fixing.fixed), 'finding')} would be fixed in {count(files, 'file')}.")
        if self.discovery.missing:
            return ExitStatus.FAILED
        return ExitStatus.FOUND if fixing.files else ExitStatus.CLEAN

    def _write_script(self, fixing: Fixing) -> None:
        if self.script is None or self.script_file is None:
            return
        from txsafe.atomic import write_atomically

        text = self.script.write(fixing.fixed)
        if text:
            write_atomically(self.script_file, text.encode())
        if not self.setting.config.quiet:
            done = "written; read it, and run it first" if text else "not written: no connection is given a constant"
            note(f"{self.script_file}: {done}")
        for name in sorted(self.script.conflicts):
            note(f"{name}: given several values, so only one of them went to the role")

    def _script_diff(self, fixing: Fixing) -> Iterator[str]:
        text = "" if self.script is None else self.script.write(fixing.fixed)
        if text and self.script_file is not None:
            known = self.script_file.read_text(encoding="utf-8") if self.script_file.is_file() else ""
            yield _unified(known, text, str(self.script_file))

    def _write_file(self, fixed: FixedFile) -> str | None:
        from txsafe.atomic import replace_content

        if self._is_stdin(fixed.file):
            return None
        return replace_content(fixed.file.path, fixed.data, expected=fixed.file.data or b"", within=self.trees)

    def _is_stdin(self, file: FileInput) -> bool:
        return any(each.data is not None and each.display == file.display for each in self.discovery.files)

    # ------------------------------------------------------------ fixing

    def _fix(self) -> tuple[Report, Fixing]:
        """Return the report on all files before, and what became of those with something to fix."""
        from txsafe.fixing import fix_files

        report = self._analyze(self.discovery.files)
        concerned = _concerned(report, self._wanted(report))
        files = tuple(self._read(concerned))
        return report, fix_files(files, analyze=self._analyze, wanted=self._wanted)

    def _read(self, concerned: Iterable[str]) -> Iterator[FileInput]:
        """Yield files with their content: from here on nobody looks at the disk again until it is written to."""
        from txsafe.discovery import read_input

        names = frozenset(concerned)
        for file in self.discovery.files:
            if file.display in names:
                try:
                    yield replace(file, data=read_input(file, limit=self.setting.config.max_file_size))
                except SourceError:  # it is gone since
                    continue

    def _analyze(self, files: Sequence[FileInput], beside: Sequence[FileInput] = ()) -> Report:
        from txsafe.engine import analyze

        around = () if files is self.discovery.files else (*self.discovery.files, *beside)
        return analyze(files, self.setting.config, profile=self.setting.profile, cache=self.cache, around=around)

    def _wanted(self, report: Report) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self._live(report) if each.fix is not None and self._applies(each.fix))

    def _applies(self, fix: Fix) -> bool:
        if fix.settings:
            return self.script is not None and self.script.accepts(fix)
        return fix.applicability in self.applicable

    def _live(self, report: Report) -> tuple[Diagnostic, ...]:
        """Return what `check` would report."""
        from txsafe.report.summary import is_live

        return tuple(each for each in self._selected(report).diagnostics if is_live(each))

    def _selected(self, report: Report) -> Report:
        """Return the report as the baseline and the selection of rules have it."""
        from txsafe.baseline import compare, read_baseline
        from txsafe.selection import select

        config = self.setting.config
        if config.baseline is not None:
            report = compare(report, read_baseline(config.baseline), root=config.root).report
        return select(report, config)

    # ------------------------------------------------------------ what was done, and what is left

    def _tell(self, report: Report, fixing: Fixing, left_alone: dict[str, str]) -> None:
        config = self.setting.config
        stdin = next((file for file in self.discovery.files if file.data is not None), None)
        if stdin is not None:
            fixed = next((each for each in fixing.files if each.file.display == stdin.display), None)
            write_output(fixed.after.text if fixed is not None else _text_of(stdin))
        lines = [
            f"{_where(each)}: {each.rule}: {each.fix.title}"
            for each in fixing.fixed
            if each.fix is not None and each.path not in left_alone
        ]
        lines += [f"{path}: left alone: {reason}" for path, reason in left_alone.items()]
        lines += [f"{_where(each.diagnostic)}: {each.diagnostic.rule}: left: {each.reason}" for each in fixing.refused]
        if not config.quiet:
            lines.append(self._summary(report, fixing, left_alone))
        for line in lines:
            if stdin is not None:
                note(line)
            else:
                write_output(f"{line}\n")

    def _summary(self, report: Report, fixing: Fixing, left_alone: dict[str, str]) -> str:
        fixed = [each for each in fixing.fixed if each.path not in left_alone]
        left = self._live(_merged(report, fixing, left_alone))
        kinds = Counter(_applicability(each) for each in left)
        settings = sum(each.fix is not None and bool(each.fix.settings) for each in left)
        parts = [
            (kinds[Applicability.SAFE], "with a fix that was not applied"),
            (kinds[Applicability.UNSAFE], "with a fix to look at (`--unsafe-fixes`)"),
            (settings, "with a setting for the role (`--ddl`)"),
            (kinds[Applicability.DISPLAY_ONLY] - settings, "with a fix that is only shown"),
            (kinds[None], "without a fix"),
        ]
        told = ", ".join(f"{number} {text}" for number, text in parts if number)
        done = f"{count(len(fixed), 'finding')} fixed in {count(len(fixing.files) - len(left_alone), 'file')}"
        return f"{done}, {len(left)} left{': ' if told else ''}{told}."

    def _status(self, report: Report, fixing: Fixing) -> int:
        from txsafe.selection import add_errors, exit_status

        left = self._selected(_merged(report, fixing, {}))
        if self.discovery.missing:
            return ExitStatus.FAILED
        return exit_status(add_errors(left, self.discovery.errors), self.setting.config)


def _concerned(report: Report, wanted: Iterable[Diagnostic]) -> set[str]:
    """Return the files that fixes change, and all that have a say in what is found in these."""
    from txsafe.fixing import paths_of

    fixes = [(each, each.fix) for each in wanted if each.fix is not None]
    edited = {edit.place.path for _, fix in fixes for edit in fix.edits}
    beside = {path for each, _ in fixes for path in paths_of(each)}
    found = {path for each in report.diagnostics if each.path in edited for path in paths_of(each)}
    return edited | beside | found


def _applicability(diagnostic: Diagnostic) -> Applicability | None:
    return None if diagnostic.fix is None else diagnostic.fix.applicability


def _merged(report: Report, fixing: Fixing, left_alone: dict[str, str]) -> Report:
    """Return the report as it is after the files were written."""
    after: dict[str, FileReport] = {file.path: file for file in fixing.report.files if file.path not in left_alone}
    return replace(report, files=tuple(after.get(file.path, file) for file in report.files))


def _diff(fixed: FixedFile) -> str:
    return _unified(fixed.before.text, fixed.after.text, fixed.file.display)


def _unified(before: str, after: str, path: str) -> str:
    """Return a unified diff; lines keep their ends, and a missing last one is said as `diff` says it."""
    from difflib import SequenceMatcher

    old, new = _lines(before), _lines(after)
    # The heuristic bounds the time for long files, and gives needlessly long differences.
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) > _LONG)
    parts = [f"--- {path}\n+++ {path}\n"]
    for group in matcher.get_grouped_opcodes(3):
        (_, first, _, start, _), (_, _, last, _, stop) = group[0], group[-1]
        parts.append(f"@@ -{_range(first, last)} +{_range(start, stop)} @@\n")
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                parts += (_marked(" ", line) for line in old[old_start:old_end])
                continue
            parts += (_marked("-", line) for line in old[old_start:old_end])
            parts += (_marked("+", line) for line in new[new_start:new_end])
    return "".join(parts) if len(parts) > 1 else ""


def _range(first: int, last: int) -> str:
    """Return lines as a hunk's head gives them: the first one, counted from 1, and how many."""
    return f"{first + 1 if last > first else first},{last - first}"


def _marked(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]


def _text_of(file: FileInput) -> str:
    from txsafe.source import decode

    return decode(file.data or b"", file.display).text


def _where(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.path}:{diagnostic.start.line}:{diagnostic.start.column}"
