"""Fuzzing: `python -m tests.fuzz` runs it at length, `test_targets.py` what was found before and a little more."""
