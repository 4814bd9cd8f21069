"""The lab as fixtures: installed once per machine, started once per test session, gone with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.errors import LabUnavailableError
from tests.lab.packages import Packages, install
from tests.lab.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(scope="session")
def packages() -> Mapping[str, Packages]:
    """Return the unpacked packages; where they cannot be had, all tests of the lab fail with the reason."""
    try:
        return install()
    except LabUnavailableError as error:
        pytest.fail(f"the lab cannot be installed: {error}", pytrace=False)


@pytest.fixture(scope="session")
def lab(packages: Mapping[str, Packages]) -> Iterator[Session]:
    """Yield a session that processes can be started in."""
    with Session() as session:
        yield session
