"""`python -m txsafe`, and the command: what an earlier run knows is said without loading anything else."""

from __future__ import annotations

import sys


def start() -> None:
    """Run the command line and exit."""
    from txsafe.cache.replay import replay

    status = replay(sys.argv[1:])
    if status is None:
        from txsafe.cli import main

        main(prog_name="txsafe")
    sys.exit(status)


if __name__ == "__main__":
    start()
