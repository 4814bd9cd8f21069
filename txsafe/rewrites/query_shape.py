"""SQL text → what a rewrite has to know of a query: what it reads and writes, and whether two of them are the same.

sqlglot parses; bound parameters and values that the program puts in count as NULL. Nothing is ever generated from its
trees: what people wrote is moved as they spelled it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Hole
from txsafe.sql.lexer import TokenKind, identifier, significant_tokens, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot import exp

LONGEST = 20_000
"""Characters; sqlglot reads about half a megabyte per second."""
_SYSTEM_COLUMNS = frozenset({"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"})
_BEFORE_PARENTHESIS = frozenset(
    {
        "all", "and", "any", "array", "as", "between", "bigint", "bit", "by", "case", "cast", "char", "character",
        "coalesce", "conflict", "cube", "decimal", "distinct", "else", "except", "exists", "extract", "filter",
        "float", "from", "greatest", "group", "grouping", "having", "ilike", "in", "intersect", "interval", "into",
        "is", "join", "lateral", "least", "like", "limit", "materialized", "not", "nullif", "numeric", "offset", "on",
        "or", "over", "overlay", "partition", "returning", "rollup", "row", "select", "set", "sets", "similar", "some",
        "substring", "then", "time", "timestamp", "timestamptz", "to", "trim", "union", "using", "values", "varbit",
        "varchar", "varying", "when", "where", "with", "within", "xmlelement", "xmlforest", "insert", "window",
    }
)  # fmt: skip
"""Words of the grammar and types that a parenthesis may follow: they call nothing of the user's."""
_CLOCK = frozenset(
    {
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "now",
        "statement_timestamp", "transaction_timestamp",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """One statement and its tree."""

    text: str
    tree: exp.Expr

    @property
    def changes_data(self) -> bool:
        """Whether it is, or holds, a statement that writes."""
        from sqlglot import exp

        return self.tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.DDL) is not None

    @property
    def target(self) -> str | None:
        """The name of the table that it writes to, folded; None where it writes to none, or that is not known."""
        from sqlglot import exp

        if not isinstance(self.tree, exp.Insert | exp.Update | exp.Delete | exp.Merge):
            return None
        table = self.tree.this
        table = table.this if isinstance(table, exp.Schema) else table
        return name_of(table.this) if isinstance(table, exp.Table) else None

    @property
    def tables(self) -> frozenset[str]:
        """The names of the tables that it reads or writes, and of its CTEs, without their schemas."""
        from sqlglot import exp

        return frozenset(name_of(table.this) for table in self.tree.find_all(exp.Table))

    @property
    def ctes(self) -> frozenset[str]:
        """The names that its WITH clauses give, whatever they are nested in."""
        from sqlglot import exp

        return frozenset(name_of(cte.args["alias"].this) for cte in self.tree.find_all(exp.CTE))

    @property
    def is_recursive(self) -> bool:
        """Whether its own WITH clause is RECURSIVE: then each of its names is seen by all of its queries."""
        with_ = self.tree.args.get("with_")
        return bool(with_ is not None and with_.args.get("recursive"))

    @property
    def locks_rows(self) -> bool:
        """Whether it says FOR UPDATE or the like."""
        from sqlglot import exp

        return self.tree.find(exp.Lock) is not None

    @property
    def is_ordered(self) -> bool:
        """Whether its rows come in an order that it asks for."""
        return self.tree.args.get("order") is not None

    @property
    def is_plain_scan(self) -> bool:
        """Whether it gives the rows of one table in the order in which they come."""
        from sqlglot import exp

        tree = self.tree.expression if isinstance(self.tree, exp.Insert) else self.tree
        rearranging = ("joins", "group", "distinct", "order", "laterals", "windows")
        plain = isinstance(tree, exp.Select) and not any(tree.args.get(name) for name in rearranging)
        return plain and not any(tree.find_all(exp.Subquery, exp.Window, exp.AggFunc, exp.SetOperation))

    @property
    def columns(self) -> int | None:
        """How many columns it gives; None where that is not known."""
        from sqlglot import exp

        tree: exp.Expr | None = self.tree
        while isinstance(tree, exp.SetOperation | exp.Subquery):
            tree = tree.this
        match tree:
            case exp.Select(expressions=items):
                return None if any(item.find(exp.Star) for item in items) else len(items)
            case exp.Values(expressions=[exp.Tuple(expressions=items), *_]):
                return len(items)
            case _:
                return None

    def calls(self) -> frozenset[str]:
        """Return the functions that it calls, folded; one that a schema qualifies comes with it."""
        tokens = significant_tokens(self.text)
        names = set()
        for index, token in enumerate(tokens[:-1]):
            if tokens[index + 1].text != "(" or token.kind not in {TokenKind.WORD, TokenKind.QUOTED}:
                continue
            name = identifier(token)
            if index > 1 and tokens[index - 1].text == ".":
                name = f"{identifier(tokens[index - 2])}.{name}".removeprefix("pg_catalog.")
            names.add(name)
        return frozenset(names - _BEFORE_PARENTHESIS - self.tables - self._aliases())

    @property
    def reads_clock(self) -> bool:
        """Whether it asks for the time of its transaction or statement."""
        return any(token.word in _CLOCK for token in significant_tokens(self.text))

    def fault_of_reading(self, name: str) -> str | None:
        """Say why a CTE cannot take the place of a table that this reads; None where it can."""
        if name in self.ctes:
            return "the query that reads it has a CTE of that name"
        return self._fault_of_table(name) or self._fault_of_columns(name)

    def _fault_of_table(self, name: str) -> str | None:
        from sqlglot import exp

        tables = [table for table in self.tree.find_all(exp.Table) if name_of(table.this) == name]
        if any(_schema(table).startswith("pg_temp") for table in tables):
            return "it is read as pg_temp." + name
        own = [table for table in tables if not _schema(table) and not isinstance(table.parent, exp.Lock)]
        if not own:
            return "it is not read as a table"
        if len(own) > 1:
            return "its statement reads it more than once"
        (table,) = own
        if _is_written(table):
            return "it is written to"
        if table.args.get("only") or table.args.get("sample"):
            return "ONLY and TABLESAMPLE ask for a table"
        return None

    def _fault_of_columns(self, name: str) -> str | None:
        from sqlglot import exp

        own = next(t for t in self.tree.find_all(exp.Table) if name_of(t.this) == name and not _schema(t))
        known = name_of(own.args["alias"].this) if own.alias else name
        for lock in self.tree.find_all(exp.Lock):
            if any(name_of(each.this) == known for each in lock.expressions if isinstance(each, exp.Table)):
                return "its rows are locked"
        for column in self.tree.find_all(exp.Column):
            if isinstance(column.this, exp.Star):
                continue
            spelled = name_of(column.this)
            if spelled == known and not column.table:
                return "its rows are used as values"
            if spelled in _SYSTEM_COLUMNS:
                return f"{spelled} is of tables only"
        strings = (token for token in significant_tokens(self.text) if token.kind is TokenKind.STRING)
        if any(token.text.strip("'").lower().removeprefix("pg_temp.") == name for token in strings):
            return "a string names it"
        return None

    def _aliases(self) -> frozenset[str]:
        from sqlglot import exp

        aliases = (alias.this for alias in self.tree.find_all(exp.TableAlias))
        return frozenset(name_of(alias) for alias in aliases if alias is not None)


def read_query(text: str) -> Query | None:
    """Parse one statement; None where sqlglot cannot, or only as an opaque command, or it is not known in full."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if len(text) > LONGEST or any(HOLE_CHARACTERS[hole] in text for hole in (Hole.SQL, Hole.IDENTIFIER)):
        return None
    try:
        found = sqlglot.parse(_without_parameters(text), dialect="postgres")
    except (SqlglotError, RecursionError):
        return None
    trees = [tree for tree in found if tree is not None]
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        return None
    return Query(text, trees[0])


def _without_parameters(text: str) -> str:
    plain = text.replace(HOLE_CHARACTERS[Hole.VALUE], " NULL ")
    return "".join(_spelled(plain))


def _spelled(text: str) -> Iterator[str]:
    for token in tokenize(text):
        yield " NULL " if token.kind is TokenKind.PLACEHOLDER else token.text


def adds_only(rewritten: str, query: str, before: str) -> bool:
    """Return whether a statement is the one `before` with `query` as the first of its CTEs, and nothing else."""
    new, old = read_query(rewritten), read_query(before)
    alone = read_query(f"WITH given AS (\n{query}\n) SELECT")  # looked at, never sent
    if new is None or old is None or alone is None:
        return False
    tree = new.tree.copy()
    with_, expected = tree.args.get("with_"), alone.tree.args.get("with_")
    if with_ is None or expected is None or len(expected.expressions) != 1:
        return False
    first = with_.expressions[0].pop()
    if not with_.expressions:
        with_.pop()
    return bool(first.this == expected.expressions[0].this and tree == old.tree)


def name_of(node: exp.Expr) -> str:
    """Return a name as the server knows it: folded unless it is quoted."""
    return node.name if node.args.get("quoted") else node.name.lower()


def _schema(table: exp.Table) -> str:
    return name_of(table.args["db"]) if table.args.get("db") else ""


def _is_written(table: exp.Table) -> bool:
    from sqlglot import exp

    parent = table.parent.parent if isinstance(table.parent, exp.Schema) else table.parent
    is_target = isinstance(parent, exp.Insert | exp.Update | exp.Delete | exp.Merge)
    return is_target and (table.arg_key == "this")
