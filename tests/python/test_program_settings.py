"""Settings of a framework's connections: where they are on, and where they could be."""

from __future__ import annotations

import pytest

from tests.python.test_surroundings import DJANGO
from tests.rewrites.rewriting import check

LOOP = "def f():\n    for x in Order.objects.all().iterator():\n        print(x)\n"
OTHER = LOOP.replace("objects", "objects.using('other')")
NAME = "DISABLE_SERVER_SIDE_CURSORS"

CASES = {
    "on for the default": (f"DATABASES = {{'default': {{'{NAME}': True}}}}\n{LOOP}", False),
    "on for another": (f"DATABASES = {{'other': {{'{NAME}': True}}}}\n{LOOP}", True),
    "on for the one that is used": (f"DATABASES = {{'other': {{'{NAME}': True}}}}\n{OTHER}", False),
    "on for the default, another is used": (f"DATABASES = {{'default': {{'{NAME}': True}}}}\n{OTHER}", True),
    "on for nobody knows which": (f"COMMON = {{'{NAME}': True}}\n{LOOP}", False),
    "on by an assignment": (f"DATABASES['default']['{NAME}'] = True\n{LOOP}", False),
    "on by an assignment for another": (f"DATABASES['other']['{NAME}'] = True\n{LOOP}", True),
    "on by the environment": (f"DATABASES['default']['{NAME}'] = environ['X']\n{LOOP}", False),
    "off": (f"DATABASES = {{'default': {{'{NAME}': False}}}}\n{LOOP}", True),
    "read": (f"print(DATABASES['default']['{NAME}'])\n{LOOP}", True),
    "not there": (LOOP, True),
}


@pytest.mark.parametrize(("text", "is_found"), CASES.values(), ids=CASES)
def test_a_setting_of_the_connection_makes_a_use_harmless(text: str, is_found: bool) -> None:
    found = [each.rule for each in check(f"{DJANGO}\n{text}").diagnostics]
    assert found == (["hold-cursor"] if is_found else [])
