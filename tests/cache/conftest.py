"""Here results are kept."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TXSAFE_NO_CACHE")
    monkeypatch.delenv("TXSAFE_CACHE_DIR", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
