"""The evaluator behind `values`: expressions other than calls.

Demand-driven: a name is followed to the bindings that reach it, those to their values. Work is bounded by depth, by
steps per question and per file; what lies beyond is `Unknown`. Every missing link is named where it is met first.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Hole, Place, SqlTemplate
from txsafe.python import calls
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    TEXT_LIMIT,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    combinations,
    concatenated,
    hole,
    limited,
    rendered,
    truth,
)
from txsafe.python.formatting import format_percent, joined_text
from txsafe.python.frames import Frame
from txsafe.python.plain_literals import spell_fields, spell_plain
from txsafe.python.scopes import Binding, BindingKind, FunctionNode, Module, Scope, has_decorator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.python.composables import Composable

DEPTH_LIMIT = 50
STEPS_PER_QUESTION = 20_000
STEPS_PER_FILE = 400_000
_NUMBER_LIMIT = 1 << 63
_PATH_LIMIT = 20
"""Imports of imports that are followed before giving up."""


class Evaluator:
    """Evaluates expressions of one project; remembers what it found."""

    def __init__(self, composables: Mapping[str, Composable]) -> None:
        self.composables = composables
        self.memo: dict[tuple[ast.expr, Frame], Values] = {}
        self.bases: dict[Module, Frame] = {}
        self.active: set[tuple[object, Frame]] = set()
        self.depth = 0
        self.cut = 0
        self.steps = 0
        self.question_ends = STEPS_PER_QUESTION

    # ------------------------------------------------------------ entry

    def base(self, module: Module) -> Frame:
        """Return the frame of a file in which no call has been followed."""
        return self.bases.setdefault(module, Frame(module))

    def ask(self, expr: ast.expr, frame: Frame) -> Values:
        """Evaluate for a caller: every question has its own share of the file's work."""
        self.question_ends = min(self.steps + STEPS_PER_QUESTION, STEPS_PER_FILE)
        return self.values(expr, frame)

    def values(self, expr: ast.expr, frame: Frame) -> Values:
        """Return the alternatives of an expression; never empty."""
        key = (expr, frame)
        known = self.memo.get(key)
        if known is not None:
            return known
        self.steps += 1
        if self.steps > self.question_ends:
            return self.give_up("too much work", expr, frame)
        if key in self.active or self.depth >= DEPTH_LIMIT:
            return self.give_up("a value that depends on itself", expr, frame)
        cut = self.cut
        self.active.add(key)
        self.depth += 1
        try:
            found = limited(self.dispatch(expr, frame)) or (self.unknown("nothing", expr, frame),)
        finally:
            self.depth -= 1
            self.active.discard(key)
        if cut == self.cut:
            self.memo[key] = found
        return found

    def give_up(self, reason: str, expr: ast.expr, frame: Frame) -> Values:
        """Return an Unknown that is not to be remembered: asked from elsewhere, there may be an answer."""
        self.cut += 1
        return (self.unknown(reason, expr, frame),)

    def unknown(self, reason: str, node: ast.AST, frame: Frame, kind: Hole = Hole.SQL) -> Unknown:
        return Unknown(reason, frame.module.place(node), kind)

    # ------------------------------------------------------------ expressions

    def dispatch(self, expr: ast.expr, frame: Frame) -> Iterable[Value]:
        match expr:
            case ast.Constant():
                return (self.constant(expr, frame),)
            case ast.JoinedStr():
                return self.joined(expr, frame)
            case ast.Name():
                return self.name(expr, frame)
            case ast.Attribute():
                return self.attribute(expr, frame)
            case ast.Call():
                return calls.evaluate_call(self, expr, frame)
            case ast.BinOp():
                return self.operation(expr, frame)
            case ast.Subscript():
                return self.item(expr, frame)
        return self.compound(expr, frame)

    def compound(self, expr: ast.expr, frame: Frame) -> Iterable[Value]:
        match expr:
            case ast.IfExp():
                return self.conditional(expr, frame)
            case ast.BoolOp():
                return self.either(expr, frame)
            case ast.List() | ast.Tuple() | ast.Set():
                return (self.sequence(expr, frame),)
            case ast.Dict():
                return (self.table(expr, frame),)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return (self.comprehension(expr, frame),)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.values(value, frame)
            case ast.UnaryOp():
                return (self.negation(expr, frame),)
            case ast.Compare():
                return (self.unknown("a comparison", expr, frame, Hole.VALUE),)
        template = getattr(ast, "TemplateStr", None)
        if template is not None and isinstance(expr, template):
            return self.joined(expr, frame)
        return (self.unknown("an expression that is not followed", expr, frame),)

    def constant(self, expr: ast.Constant, frame: Frame) -> Value:
        value = expr.value
        if isinstance(value, bytes):
            if not value.isascii():
                return self.unknown("bytes that are not ASCII", expr, frame)
            value = value.decode("ascii")
        if isinstance(value, str):
            return self.literal(expr, value, frame)
        if value is None or isinstance(value, int | float):
            return Scalar(value, frame.module.place(expr))
        return self.unknown("a constant that is no text", expr, frame)

    def literal(self, expr: ast.expr, text: str, frame: Frame) -> Value:
        place = frame.module.place(expr)
        if len(text) > TEXT_LIMIT:
            return Unknown("a text that is too long", place)
        fragments = spell_plain(frame.module.source, place.span, text) if text else None
        return Text(SqlTemplate(fragments=fragments or (Fragment(text=text, place=place),)))

    def conditional(self, expr: ast.IfExp, frame: Frame) -> Iterable[Value]:
        found: list[Value] = []
        branch: ast.expr = expr
        while isinstance(branch, ast.IfExp):
            holds = self.condition(branch.test, frame)
            if holds is not False:
                found += self.values(branch.body, frame)
            if holds is True:
                return found
            branch = branch.orelse
        return [*found, *self.values(branch, frame)]

    def condition(self, test: ast.expr, frame: Frame) -> bool | None:
        """Return whether a condition holds, where all its alternatives agree."""
        turned = False
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, turned = test.operand, not turned
        if not isinstance(test, ast.Name | ast.Constant | ast.Attribute):
            return None
        truths = {truth(value) for value in self.values(test, frame)}
        if truths == {True}:
            return not turned
        return turned if truths == {False} else None

    def either(self, expr: ast.BoolOp, frame: Frame) -> Iterable[Value]:
        if isinstance(expr.op, ast.And):
            return self.values(expr.values[-1], frame)
        found: list[Value] = []
        for operand in expr.values:
            values = self.values(operand, frame)
            found += [value for value in values if truth(value) is not False or operand is expr.values[-1]]
            if all(truth(value) is True for value in values):
                break
        return found

    def negation(self, expr: ast.UnaryOp, frame: Frame) -> Value:
        values = self.values(expr.operand, frame)
        if len(values) == 1 and isinstance(values[0], Scalar):
            place, number = frame.module.place(expr), values[0].value
            if isinstance(expr.op, ast.Not):
                return Scalar(not number, place)
            if isinstance(expr.op, ast.USub) and number is not None:
                return Scalar(-number, place)
        return self.unknown("a computed value", expr, frame, Hole.VALUE)

    # ------------------------------------------------------------ containers

    def sequence(self, expr: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Items:
        elements: list[Values] = []
        rest: Unknown | None = None
        for element in expr.elts[:ELEMENT_LIMIT]:
            if isinstance(element, ast.Starred):
                more, missing = self.elements(self.values(element.value, frame), element, frame)
                elements += more
                rest = rest or missing
            else:
                elements.append(self.values(element, frame))
        if len(expr.elts) > ELEMENT_LIMIT:
            rest = self.unknown("a list that is too long", expr, frame)
        return Items(tuple(elements), frame.module.place(expr), rest)

    def elements(self, values: Values, node: ast.AST, frame: Frame) -> tuple[list[Values], Unknown | None]:
        """Return what iterating over the one of alternatives that is known yields, and what stands for the rest."""
        if len(values) == 1:
            match values[0]:
                case Items(elements, _, rest):
                    return list(elements), rest
                case Table(entries, _, rest):
                    return [(key,) for key, _ in entries], rest
                case Unknown() as value:
                    return [], value
        found = (
            [element for value in values for element in self.elements((value,), node, frame)[0]] if values[1:] else []
        )
        return found, self.unknown("elements that are not known", node, frame)

    def table(self, expr: ast.Dict, frame: Frame) -> Value:
        result = Table((), frame.module.place(expr))
        entries: list[tuple[Value, Values]] = []
        rest: Unknown | None = None
        for key, value in zip(expr.keys[:ELEMENT_LIMIT], expr.values, strict=False):
            if key is not None:
                entries += [(name, self.values(value, frame)) for name in self.values(key, frame)]
                continue
            for table in self.values(value, frame):
                if isinstance(table, Table):
                    entries += table.entries
                    rest = rest or table.rest
                else:
                    rest = rest or self.unknown("entries that are not known", value, frame)
        return result.updated(entries, rest)

    def comprehension(self, expr: ast.ListComp | ast.GeneratorExp | ast.SetComp, frame: Frame) -> Items:
        place = frame.module.place(expr)
        first, *others = expr.generators
        elements, rest = self.elements(self.values(first.iter, frame), first.iter, frame)
        filtered = bool(others or first.ifs)
        if not elements:
            return Items((self.values(expr.elt, frame),), place, rest or self.unknown("an empty list", expr, frame))
        bindings = self.bound_by(first, frame)
        found = [self.values(expr.elt, self.pinned(frame, bindings, element)) for element in elements]
        if filtered and rest is None:
            found = [tuple(dict.fromkeys(values)) for values in found]
        return Items(tuple(found), place, rest)

    def bound_by(self, loop: ast.comprehension | ast.For | ast.AsyncFor, frame: Frame) -> tuple[Binding, ...]:
        """Return the bindings of a loop's variables."""
        names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
        module = frame.module
        anchor: ast.AST = loop.target if isinstance(loop, ast.comprehension) else loop
        scope = module.scope(anchor)
        return tuple(binding for name in names for binding in scope.lookup(name) if binding.node is loop)

    def pinned(self, frame: Frame, bindings: Iterable[Binding], element: Values) -> Frame:
        """Return the frame in which a loop's variables stand for one element."""
        return frame.pin({binding: self.part_of(element, binding.index, binding.node, frame) for binding in bindings})

    def part_of(self, values: Values, path: Sequence[int], node: ast.AST, frame: Frame) -> Values:
        """Return what unpacking gives a name."""
        for index in path:
            parts: list[Value] = []
            for value in values:
                known = isinstance(value, Items) and 0 <= index < len(value.values)
                parts += value.values[index] if known and isinstance(value, Items) else _parts_of_unknown(value)
            values = limited(parts) or (self.unknown("a part of a value", node, frame),)
        return values

    # ------------------------------------------------------------ operators

    def operation(self, expr: ast.BinOp, frame: Frame) -> Iterable[Value]:
        if isinstance(expr.op, ast.Add):
            return self.sum(_operands(expr), frame, expr)
        left, right = self.values(expr.left, frame), self.values(expr.right, frame)
        return [self.combine(first, second, expr, frame) for first in left for second in right]

    def sum(self, operands: Sequence[ast.expr], frame: Frame, node: ast.AST) -> Iterable[Value]:
        choices = [(_correlation(operand), self.values(operand, frame)) for operand in operands]
        return [self.added(combination, node, frame) for combination in combinations(choices)]

    def added(self, values: Sequence[Value], node: ast.AST, frame: Frame) -> Value:
        """Return the sum of values from left to right."""
        if any(isinstance(value, Text) for value in values):
            composed = any(isinstance(value, Text) and value.composed for value in values)
            return joined_text([rendered(value) for value in values], frame.module.place(node), composed=composed)
        if any(isinstance(value, Items) for value in values):
            return self.added_items(values, node, frame)
        numbers = [value.value for value in values if isinstance(value, Scalar) and value.value is not None]
        if len(numbers) == len(values) and abs(sum(numbers)) < _NUMBER_LIMIT:
            return Scalar(sum(numbers), frame.module.place(node))
        kinds = {value.hole for value in values if isinstance(value, Unknown)}
        first = next((value for value in values if isinstance(value, Unknown)), None)
        if first is None:
            return self.unknown("a computed value", node, frame)
        numeric = kinds == {Hole.VALUE} or any(isinstance(value, Scalar) for value in values)
        return Unknown(first.reason, frame.module.place(node), Hole.VALUE if numeric else Hole.SQL)

    def added_items(self, values: Sequence[Value], node: ast.AST, frame: Frame) -> Items:
        elements: list[Values] = []
        rest: Unknown | None = None
        for value in values:
            more, missing = self.elements((value,), node, frame)
            elements += more
            rest = rest or missing
        return Items(tuple(elements[:ELEMENT_LIMIT]), frame.module.place(node), rest)

    def combine(self, left: Value, right: Value, expr: ast.BinOp, frame: Frame) -> Value:
        match expr.op, left, right:
            case ast.Mod(), Text(), _:
                return format_percent(left, right)
            case ast.Mult(), Text() | Items(), _:
                return self.repeated(left, right, expr, frame)
            case ast.Mult(), _, Text() | Items():
                return self.repeated(right, left, expr, frame)
            case ast.BitOr(), Table(), Table():
                return left.updated(right.entries, right.rest)
            case _, Scalar(int() | float() as first), Scalar(int() | float() as second):
                number = _computed(expr.op, first, second)
                if number is not None:
                    return Scalar(number, frame.module.place(expr))
            case ast.Div(), _, _:
                return self.unknown("a path", expr, frame)
        if isinstance(left, Unknown) and isinstance(expr.op, ast.Mod):
            return Unknown(left.reason, frame.module.place(expr), left.hole)
        return self.unknown("a computed value", expr, frame, Hole.VALUE if _is_number(left, right) else Hole.SQL)

    def repeated(self, value: Text | Items, count: Value, expr: ast.BinOp, frame: Frame) -> Value:
        """Return a text or list several times; once where the count is not known, as a sample."""
        times = count.value if isinstance(count, Scalar) and isinstance(count.value, int) else None
        if isinstance(value, Items):
            if times is None or times * len(value.values) > ELEMENT_LIMIT:
                return value
            return Items(value.values * times, frame.module.place(expr), value.rest)
        if times is None or times * max(1, len(value.template.text)) > TEXT_LIMIT:
            return self.unknown("a repeated text", expr, frame)
        template = concatenated([value.template] * times) if 0 < times <= TEXT_LIMIT // 100 else None
        return self.unknown("a repeated text", expr, frame) if template is None else Text(template, value.composed)

    # ------------------------------------------------------------ f-strings

    def joined(self, expr: ast.expr, frame: Frame) -> Iterable[Value]:
        pieces: list[ast.expr] = getattr(expr, "values", [])
        place = frame.module.place(expr)
        spelled = spell_fields(frame.module.source, place.span, _texts_between(pieces))
        bound = _is_template(frame.module, place)
        choices: list[tuple[object, Values]] = []
        part = 0
        for piece in pieces:
            if isinstance(piece, ast.Constant):
                fragments = spelled[0][part] if spelled else (Fragment(text=str(piece.value), place=place, part=part),)
                choices.append((piece, (Text(SqlTemplate(fragments=fragments)),)))
                continue
            where = Place(place.path, spelled[1][part]) if spelled else place
            choices.append((_correlation(_inner(piece)), self.field(piece, frame, where, part, bound=bound)))
            part += 1
        if not choices:
            return (Text(SqlTemplate(fragments=(Fragment(text="", place=place),))),)
        if len(choices) == 1 and isinstance(choices[0][1][0], Unknown):
            return choices[0][1]
        return [
            joined_text([_with_part(rendered(value), value, index) for index, value in combination], place)
            for combination in _numbered(combinations(choices), pieces)
        ]

    def field(self, piece: ast.expr, frame: Frame, where: Place, part: int, *, bound: bool) -> Values:
        """Return what a replacement field comes to; what is not known stands where the field stands."""
        value: ast.expr = getattr(piece, "value", piece)
        conversion: int = getattr(piece, "conversion", -1)
        spec = _format_spec(piece)
        if bound:
            kind = Hole.IDENTIFIER if spec == "i" else Hole.SQL if spec == "q" else Hole.VALUE
            return (Unknown("a value bound by a template string", where, kind),)
        if conversion in {ord("r"), ord("a")}:
            return (Unknown("the representation of a value", where, Hole.VALUE),)
        if spec is not None:
            numeric = spec != "" and spec[-1] in "bcdeEfFgGnoxX%"
            return (Unknown("a formatted value", where, Hole.VALUE if numeric else Hole.SQL),)
        found = self.values(value, frame)
        return tuple(
            entry if isinstance(entry, Text | Scalar) else Unknown(_reason(entry), where, _hole_of(entry))
            for entry in found
        )

    # ------------------------------------------------------------ names

    def name(self, expr: ast.Name, frame: Frame) -> Iterable[Value]:
        module = frame.module
        owner = module.scope(expr).owner(expr.id)
        if owner is None:
            return self.unbound(expr, frame)
        at = self.frame_for(owner, frame)
        found: list[Value] = []
        cyclic: list[Value] = []
        for binding in module.reaching(expr):
            cut = self.cut
            values = self.bound(binding, at)
            values = self.mutated(values, binding, expr, at)
            (cyclic if self.cut != cut and _all_unknown(values) else found).extend(values)
        return found or cyclic or (self.unknown(f"{expr.id}, which has no value here", expr, frame),)

    def unbound(self, expr: ast.Name, frame: Frame) -> Values:
        for origin in frame.module.star_imports:
            values = self.imported(f"{origin}.{expr.id}", expr, frame)
            if not _all_unknown(values):
                return values
        return (self.unknown(f"{expr.id}, which is not defined here", expr, frame),)

    def frame_for(self, owner: Scope, frame: Frame) -> Frame:
        """Return the frame that a scope's names live in: a followed call's, or one around it, or the file's."""
        current: Frame | None = frame
        while current is not None and current.function is not None:
            scope: Scope | None = owner
            while scope is not None:
                if scope.node is current.function:
                    return current
                scope = scope.parent
            current = current.outer
        if current is not None and current.module is frame.module:
            return current
        return self.base(frame.module)

    def bound(self, binding: Binding, frame: Frame) -> Values:
        """Return what a binding gives its name; empty where it gives none."""
        pinned = frame.pinned.get(binding)
        if pinned is not None:
            return pinned
        value = binding.value
        match binding.kind:
            case BindingKind.ASSIGN | BindingKind.WALRUS | BindingKind.MATCH if value is not None:
                return self.values(value, frame)
            case BindingKind.UNPACK if value is not None:
                return self.part_of(self.values(value, frame), binding.index, binding.node, frame)
            case BindingKind.AUGMENTED:
                return self.augmented(binding, frame)
            case BindingKind.PARAMETER:
                return self.parameter(binding, frame)
            case BindingKind.FOR if value is not None:
                return self.looped(binding, value, frame)
            case BindingKind.IMPORT if binding.target is not None:
                return self.imported(binding.target, binding.node, frame)
            case BindingKind.ANNOTATION | BindingKind.DELETE:
                return ()
        return (self.unknown(_REASONS.get(binding.kind, "{0}").format(binding.name), binding.node, frame),)

    def augmented(self, binding: Binding, frame: Frame) -> Values:
        """Return what `name += value` makes of the name; earlier ones first, so that long chains stay shallow."""
        statement = binding.node
        if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Name):
            return (self.unknown("an attribute that is added to", statement, frame),)
        scope = frame.module.scope(statement.target).owner(binding.name)
        for earlier in scope.own(binding.name) if scope is not None else ():
            if earlier is binding:
                break
            if isinstance(earlier.node, ast.AugAssign) and (earlier.node.value, frame) not in self.active:
                self.augmented_once(earlier.node, frame)
        return self.augmented_once(statement, frame)

    def augmented_once(self, statement: ast.AugAssign, frame: Frame) -> Values:
        target = statement.target
        key = (target, frame)
        known = self.memo.get(key)
        if known is not None or not isinstance(target, ast.Name):
            return known or ()
        if key in self.active:
            return self.give_up("a value that depends on itself", target, frame)
        cut = self.cut
        self.active.add(key)
        try:
            found = limited(self.added_to(statement, target, frame))
        finally:
            self.active.discard(key)
        if cut == self.cut or not _all_unknown(found):
            self.memo[key] = found
        return found

    def added_to(self, statement: ast.AugAssign, target: ast.Name, frame: Frame) -> Iterable[Value]:
        before = tuple(self.name(target, frame))
        after = self.values(statement.value, frame)
        if isinstance(statement.op, ast.Add):
            return [self.added((first, second), statement, frame) for first in before for second in after]
        operation = ast.copy_location(ast.BinOp(target, statement.op, statement.value), statement)
        return [self.combine(first, second, operation, frame) for first in before for second in after]

    def parameter(self, binding: Binding, frame: Frame) -> Values:
        argument = frame.arguments.get(binding.name) if self.is_parameter_of(binding, frame) else None
        if argument is not None:
            if argument.expr is None or argument.frame is None:
                return argument.ready
            return self.values(argument.expr, argument.frame)
        kind = Hole.VALUE if is_numeric_annotation(binding.annotation) else Hole.SQL
        missing = self.unknown(f"parameter {binding.name!r}", binding.node, frame, kind)
        if binding.value is None:
            return (missing,)
        default = self.values(binding.value, self.base(frame.module))
        return tuple(value for value in default if not isinstance(value, Unknown)) + (missing,)

    def is_parameter_of(self, binding: Binding, frame: Frame) -> bool:
        parents = frame.module.parents
        return frame.function is not None and parents.get(parents.get(binding.node, binding.node)) is frame.function

    def looped(self, binding: Binding, iterable: ast.expr, frame: Frame) -> Values:
        found: list[Value] = []
        for values in self.values(iterable, frame):
            elements, rest = self.elements((values,), iterable, frame)
            found += [value for element in elements for value in self.part_of(element, binding.index, iterable, frame)]
            if rest is not None:
                found.append(Unknown(rest.reason, rest.place, rest.hole))
        return limited(found)

    # ------------------------------------------------------------ lists and dictionaries that are built step by step

    def mutated(self, values: Values, binding: Binding, use: ast.Name, frame: Frame) -> Values:
        """Return lists and tables with what is appended or set between their binding and their use."""
        if not any(isinstance(value, Items | Table) for value in values):
            return values
        for mutation in self.mutations(binding, use, frame)[:ELEMENT_LIMIT]:
            values = tuple(self.changed(value, mutation, frame) for value in values)
        return values

    def mutations(self, binding: Binding, use: ast.Name, frame: Frame) -> list[ast.AST]:
        module = frame.module
        owner = module.scope(use).owner(use.id)
        inline = module.function(use) is module.function(binding.node)
        start, end = _position(binding.node), _position(use)
        return [
            node
            for node in module.mutations.get(use.id, ())
            if start < _position(node)
            and (not inline or _position(node) < end)
            and module.scope(node).owner(use.id) is owner
        ]

    def changed(self, value: Value, mutation: ast.AST, frame: Frame) -> Value:
        match value, mutation:
            case Items(), ast.Call(func=ast.Attribute(attr=method), args=arguments) if arguments:
                return self.extended(value, method, arguments[-1], frame, mutation)
            case Table(), ast.Assign(targets=targets, value=assigned):
                for target in targets:
                    if isinstance(target, ast.Subscript):
                        keys = self.values(target.slice, frame)
                        value = value.updated([(key, self.values(assigned, frame)) for key in keys])
                return value
            case Table(), ast.Call(func=ast.Attribute(attr="update")):
                return calls.updated_table(self, value, mutation, frame)
            case Table(), ast.Call(func=ast.Attribute(attr="setdefault"), args=[key, default]):
                entries = [(name, self.values(default, frame)) for name in self.values(key, frame)]
                return value.updated([entry for entry in entries if not _has(value, entry[0])])
        return value

    def extended(self, items: Items, method: str, argument: ast.expr, frame: Frame, mutation: ast.AST) -> Items:
        if len(items.values) >= ELEMENT_LIMIT:
            return items
        values = self.values(argument, frame)
        if method == "extend":
            more, rest = self.elements(values, argument, frame)
        elif self.in_loop(mutation, frame):
            more, rest = [(value,) for value in values], next((v for v in values if isinstance(v, Unknown)), None)
        else:
            more, rest = [values], None
        return Items(items.values + tuple(more), items.place, items.rest or rest)

    def in_loop(self, node: ast.AST, frame: Frame) -> bool:
        for parent in frame.module.ancestors(node):
            if isinstance(parent, ast.For | ast.AsyncFor | ast.While):
                return True
            if isinstance(parent, FunctionNode | ast.ClassDef):
                return False
        return False

    # ------------------------------------------------------------ attributes and items

    def attribute(self, expr: ast.Attribute, frame: Frame) -> Iterable[Value]:
        module = frame.module
        if expr.attr == "__doc__":
            return (self.docstring(expr, frame),)
        if expr.attr in {"value", "name"} and self.is_enum_member(expr.value, frame):
            return self.values(expr.value, frame)
        qualified = module.qualified_name(expr)
        owner = self.owner_of(expr.value, frame)
        if owner is not None:
            return self.class_attribute(owner, expr, frame)
        if qualified is not None:
            return self.imported(qualified, expr, frame)
        return (self.unknown(f"attribute {expr.attr!r}", expr, frame),)

    def owner_of(self, expr: ast.expr, frame: Frame) -> ast.ClassDef | None:
        if frame.receiver is not None and frame.module.is_receiver(expr):
            return frame.receiver
        return frame.module.class_of(expr)

    def class_attribute(self, owner: ast.ClassDef, expr: ast.Attribute, frame: Frame) -> Values:
        module = frame.module
        base = self.base(module)
        found: list[Value] = []
        for class_node in self.searched_classes(owner, expr.value, frame):
            for binding in module.attribute(class_node, expr.attr):
                if has_decorator(binding.node, "property", "cached_property", "hybrid_property", "classproperty"):
                    found += calls.returned(self, binding.node, Frame(module, binding.node, receiver=owner))
                else:
                    at = frame if frame.function is module.function(binding.node) else base
                    found += [self.unwrapped_default(binding, value, at) for value in self.bound(binding, at)]
            if any(not isinstance(value, Unknown) and truth(value) is not False for value in found):
                break
        return limited(found) or (self.unknown(f"attribute {expr.attr!r} of {owner.name}", expr, frame),)

    def searched_classes(self, owner: ast.ClassDef, value: ast.expr, frame: Frame) -> Iterator[ast.ClassDef]:
        """Yield the class, then its subclasses in the file: a base's method sees their attributes."""
        is_super = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super"
        if is_super:
            yield from frame.module.linearized(owner)[1:2]
            return
        yield owner

    def unwrapped_default(self, binding: Binding, value: Value, frame: Frame) -> Value:
        """Return what `field(default=…)` of dataclasses and the like stands for."""
        call = binding.value
        if not isinstance(value, Unknown) or not isinstance(call, ast.Call):
            return value
        name = calls.last_name(call.func)
        if name not in {"field", "Field", "ib", "attrib", "auto"}:
            return value
        for keyword in call.keywords:
            if keyword.arg == "default":
                return self.values(keyword.value, frame)[0]
        if name == "Field" and call.args:
            return self.values(call.args[0], frame)[0]
        return value

    def is_enum_member(self, expr: ast.expr, frame: Frame) -> bool:
        if not isinstance(expr, ast.Attribute | ast.Subscript):
            return False
        owner = frame.module.class_of(expr.value)
        if owner is None:
            return False
        names = (calls.last_name(base) for node in frame.module.linearized(owner) for base in node.bases)
        return any(name.endswith(("Enum", "Choices")) for name in names)

    def docstring(self, expr: ast.Attribute, frame: Frame) -> Value:
        definition = frame.module.definition(expr.value)
        body = definition.body if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ()
        match body:
            case [ast.Expr(value=ast.Constant(value=str()) as constant), *_]:
                return self.constant(constant, self.base(frame.module))
        return self.unknown("a docstring that is not known", expr, frame)

    def item(self, expr: ast.Subscript, frame: Frame) -> Iterable[Value]:
        if isinstance(expr.slice, ast.Slice):
            return (self.unknown("a slice", expr, frame),)
        found: list[Value] = []
        for container in self.values(expr.value, frame):
            for key in self.values(expr.slice, frame):
                found += self.looked_up(container, key, expr, frame)
        return found

    def looked_up(self, container: Value, key: Value, expr: ast.expr, frame: Frame) -> Values:
        match container, key:
            case Table(), Text() if key.known is not None:
                return container.find(key.known) or self.any_value(container, expr, frame, only_rest=True)
            case Table(), Scalar(value=value):
                return container.find(value) or self.any_value(container, expr, frame, only_rest=True)
            case Table(), _:
                return self.any_value(container, expr, frame)
            case Items(values, _, rest), Scalar(int() as index) if -len(values) <= index < len(values) and not rest:
                return values[index]
            case Items(values, _, rest), _:
                return tuple(value for element in values for value in element) + ((rest,) if rest else ())
            case Unknown(), _:
                return (Unknown(container.reason, frame.module.place(expr)),)
        return (self.unknown("an item that is not known", expr, frame),)

    def any_value(self, table: Table, node: ast.AST, frame: Frame, *, only_rest: bool = False) -> Values:
        values = () if only_rest else tuple(value for _, element in table.entries for value in element)
        if table.rest is not None or not values:
            values = (*values, self.unknown("a key that is not known", node, frame))
        return values

    # ------------------------------------------------------------ other files

    def imported(self, target: str, node: ast.AST, frame: Frame) -> Values:
        """Follow a qualified name into another file of the project."""
        found = self.located(target, frame.module, _PATH_LIMIT)
        if found is None:
            return (self.unknown(f"imported from {target}", node, frame),)
        module, names = found
        values = self.member(module, names)
        return values or (self.unknown(f"imported from {target}", node, frame),)

    def member(self, module: Module, names: Sequence[str]) -> Values:
        frame = self.base(module)
        scope = module.scopes[module.tree]
        bindings: tuple[Binding, ...] = scope.own(names[0])
        for name in names[1:]:
            class_node = bindings[-1].node if bindings else None
            if not isinstance(class_node, ast.ClassDef):
                return ()
            bindings = module.attribute(class_node, name)
        last = [binding for binding in bindings if binding.kind is not BindingKind.ANNOTATION]
        return limited(value for binding in last for value in self.bound(binding, frame))

    def located(self, target: str, module: Module, limit: int) -> tuple[Module, list[str]] | None:
        """Return the file that defines a qualified name and the name in it, through re-exports."""
        project = module.project
        parts = target.split(".")
        if project is None or limit <= 0:
            return None
        for length in range(len(parts) - 1, 0, -1):
            found = project.module(".".join(parts[:length]))
            if found is None:
                continue
            names = parts[length:]
            bindings = found.scopes[found.tree].own(names[0])
            if bindings and bindings[0].kind is BindingKind.IMPORT and bindings[0].target is not None:
                return self.located(".".join([bindings[0].target, *names[1:]]), found, limit - 1)
            if not bindings and found.star_imports:
                through = (self.located(f"{star}.{'.'.join(names)}", found, limit - 1) for star in found.star_imports)
                return next((hit for hit in through if hit is not None), None)
            return (found, names) if bindings else None
        return None


_REASONS: Mapping[BindingKind, str] = {
    BindingKind.FUNCTION: "function {0}",
    BindingKind.CLASS: "class {0}",
    BindingKind.EXCEPT: "exception {0!r}",
    BindingKind.WITH: "{0!r}, bound by a with statement",
    BindingKind.FOR: "loop variable {0!r}",
    BindingKind.MATCH: "{0!r}, captured by a pattern",
    BindingKind.UNPACK: "{0!r}, unpacked from a value",
}

_NUMERIC_TYPES = frozenset({"int", "float", "bool", "Decimal"})


def is_numeric_annotation(annotation: ast.expr | None) -> bool:
    """Return whether an annotation promises a number (or None)."""
    match annotation:
        case ast.Name(id=name) | ast.Constant(value=str(name)) | ast.Attribute(attr=name):
            return name in _NUMERIC_TYPES
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            sides = [side for side in (left, right) if not _is_none(side)]
            return bool(sides) and all(is_numeric_annotation(side) for side in sides)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return is_numeric_annotation(inner)
    return False


def _is_none(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is None


def _operands(expr: ast.BinOp) -> list[ast.expr]:
    """Return the operands of a `+` chain from left to right, without recursion."""
    operands: list[ast.expr] = []
    current: ast.expr = expr
    while isinstance(current, ast.BinOp) and isinstance(current.op, ast.Add):
        operands.append(current.right)
        current = current.left
    return [current, *reversed(operands)]


def _correlation(expr: ast.expr) -> object:
    """Return a key that is equal for expressions that surely have the same value: the same name read twice."""
    return expr.id if isinstance(expr, ast.Name) else expr


def _texts_between(pieces: Sequence[ast.expr]) -> list[str]:
    """Return the literal texts before, between and behind an f-string's fields."""
    texts = [""]
    for piece in pieces:
        if isinstance(piece, ast.Constant):
            texts[-1] += str(piece.value)
        else:
            texts.append("")
    return texts


def _numbered(rows: Iterable[list[Value]], pieces: Sequence[ast.expr]) -> Iterator[list[tuple[int | None, Value]]]:
    numbers: list[int | None] = []
    part = 0
    for piece in pieces:
        is_field = not isinstance(piece, ast.Constant)
        numbers.append(part if is_field else None)
        part += is_field
    for row in rows:
        yield list(zip(numbers, row, strict=True))


def _with_part(template: SqlTemplate, value: Value, part: int | None) -> SqlTemplate:
    if part is None or not isinstance(value, Unknown):
        return template
    return hole(value.hole, value.place, part=part)


def _inner(piece: ast.expr) -> ast.expr:
    value = getattr(piece, "value", piece)
    return value if isinstance(value, ast.expr) else piece


def _format_spec(piece: ast.expr) -> str | None:
    """Return a field's format as far as it is literal; None where there is none."""
    spec = getattr(piece, "format_spec", None)
    if spec is None:
        return None
    return "".join(str(part.value) for part in getattr(spec, "values", ()) if isinstance(part, ast.Constant))


def _is_template(module: Module, place: Place) -> bool:
    """Return whether a literal is a t-string (PEP 750): older interpreters parse it as an f-string."""
    head = module.source.text[place.span.start : place.span.start + 3].lower()
    return "t" in head.partition('"')[0].partition("'")[0]


def _parts_of_unknown(value: Value) -> Values:
    return (value,) if isinstance(value, Unknown) else ()


def _reason(value: Value) -> str:
    return value.reason if isinstance(value, Unknown) else "a list or dictionary"


def _hole_of(value: Value) -> Hole:
    return value.hole if isinstance(value, Unknown) else Hole.VALUE


def _all_unknown(values: Values) -> bool:
    return all(isinstance(value, Unknown) for value in values)


def _has(table: Table, key: Value) -> bool:
    known = key.known if isinstance(key, Text) else None
    return known is not None and bool(table.find(known))


def _is_number(*values: Value) -> bool:
    return all(
        isinstance(value, Scalar) or (isinstance(value, Unknown) and value.hole is Hole.VALUE) for value in values
    )


def _computed(operator: ast.operator, left: float, right: float) -> float | None:
    """Return a product, difference or quotient of moderate numbers."""
    if max(abs(left), abs(right)) >= _NUMBER_LIMIT:
        return None
    match operator:
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv() if right:
            return left // right
        case ast.Div() if right:
            return left / right
        case ast.Mod() if right:
            return left % right
    return None


def _position(node: ast.AST) -> tuple[int, int]:
    return (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
