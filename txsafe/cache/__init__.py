"""Results of earlier runs: what is kept, where, and when it still holds.

`replay` repeats a run of which nothing has changed, `memory` single files' reports of which nothing has changed; the
two have their `folder` in common. Nothing that is read here is believed without a check, and nothing is executed: a
damaged cache costs time.
"""
