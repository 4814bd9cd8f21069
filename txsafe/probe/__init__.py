"""Observing a live pooler: what really happens to session state behind it."""
