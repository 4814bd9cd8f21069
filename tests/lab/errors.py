"""What keeps the lab from running: each carries the reason, so that tests fail with it."""

from __future__ import annotations


class LabUnavailableError(Exception):
    """The machine cannot install or run the lab; the text says why."""


class LabStartError(Exception):
    """A server or a pooler of the lab did not come up; the text carries the end of its log."""
