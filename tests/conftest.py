"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A deadline measures the machine, not the code: what must be fast has a test that counts or compares.
settings.register_profile("txsafe", deadline=None)
settings.load_profile("txsafe")
