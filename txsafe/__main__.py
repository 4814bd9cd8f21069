"""`python -m txsafe`."""

from txsafe.cli import main

if __name__ == "__main__":
    main(prog_name="txsafe")
