"""The rules by which the tool speaks of a run, not of the code: no pooler has a say in them, no file defines them."""

SYNTAX_ERROR = "syntax-error"
INTERNAL_ERROR = "internal-error"
UNUSED_SUPPRESSION = "unused-suppression"
POOLER_CONFIG = "pooler-config"
"""About the pooler's own file, where that does not do what it says."""

OWN_RULES = frozenset({SYNTAX_ERROR, INTERNAL_ERROR, UNUSED_SUPPRESSION, POOLER_CONFIG})
"""All of them; comments silence them by name only."""
UNREAD = frozenset({SYNTAX_ERROR, INTERNAL_ERROR})
"""Those of a file that could not be analysed: what is in it is not known, so it can be no known finding."""
