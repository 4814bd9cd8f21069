"""The browser and the pages that are opened in it: made once per test session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.browser.chromium import Browser, install_browser
from tests.lab.errors import LabUnavailableError
from txsafe.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECTS = Path(__file__).parents[2] / "fixtures/projects"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield the browser; where it cannot be had, all tests of pages fail with the reason."""
    try:
        packages = install_browser()
    except LabUnavailableError as error:
        pytest.fail(f"the browser cannot be installed: {error}", pytrace=False)
    with Browser(packages) as running:
        yield running


@pytest.fixture(scope="session")
def report(browser: Browser) -> Callable[[Path], str]:
    """Return a function from a project's folder to the address of its report, which the browser's user can read."""
    made: dict[Path, str] = {}

    def make(folder: Path) -> str:
        if folder not in made:
            file = browser.folder / f"report-{len(made)}.html"
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                done = CliRunner().invoke(main, ["audit", "--date", "2026-01-31", "-o", str(file), "."])
            assert done.exit_code == 0, done.output
            file.chmod(0o644)
            made[folder] = file.as_uri()
        return made[folder]

    return make
