"""Rewrites: what to write instead, where a template in the rule cannot say it.

A rewrite takes a `FeatureUse` and its neighbours and returns text, or None where it has nothing better than the rule's
own suggestion. The first of `REWRITES` that has something counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from txsafe.model import FeatureUse
from txsafe.rewrites.temp_table import replace_temporary_table

Rewrite = Callable[[FeatureUse, Sequence[FeatureUse]], str | None]

REWRITES: tuple[Rewrite, ...] = (replace_temporary_table,)
