"""txsafe: static compatibility analysis for PostgreSQL behind transaction-mode poolers."""

__version__ = "0.1.0"
