"""The evaluator behind `values`: expressions but calls, operators and members.

Demand-driven: a name is followed to the bindings that reach it, those to their values. Work is bounded by depth, by
steps per question and per file; what lies beyond is `Unknown`. Every missing link is named where it is met first.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Hole, SqlTemplate
from txsafe.python.calls import evaluate_call
from txsafe.python.conditions import holds
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    NUMBER_BITS,
    TEXT_LIMIT,
    Callee,
    Drawn,
    FilePath,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    limited,
    truth,
)
from txsafe.python.field_strings import evaluate_fields
from txsafe.python.frames import Frame
from txsafe.python.links import imported_values
from txsafe.python.members import evaluate_attribute, evaluate_item, is_enum
from txsafe.python.mutations import mutated
from txsafe.python.operators import add_values, combined, evaluate_operation, evaluate_sign
from txsafe.python.plain_literals import spell_plain
from txsafe.python.resources import names_files, reads_files, special_name
from txsafe.python.scopes import Binding, BindingKind, Module, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.model import SourceFile
    from txsafe.python.composables import Composable

DEPTH_LIMIT = 50
STEPS_PER_QUESTION = 8_000
"""What is found is found within 2,500; beyond that it is functions that call each other."""
STEPS_PER_FILE = 400_000
STEPS_FOR_OBJECTS = 2_000
"""Of a question: what objects are made with leads far, and seldom to a text."""
STEPS_FOR_FILES = 200
"""Of a question: whether calls that are not followed are handed something of a file is seldom so, and asked often."""
TRIES_PER_QUESTION = 3
"""Of one expression that depends on itself: what is cut short elsewhere each time seldom differs."""
OBJECT_DEPTH = 24
"""Expressions within expressions, up to which objects are followed."""


class Evaluator:
    """Evaluates expressions of one project; remembers what it found."""

    def __init__(self, composables: Mapping[str, Composable]) -> None:
        self.composables = composables
        self.files: dict[str, SourceFile] = {}
        """What the program reads, by path."""
        self.memo: dict[tuple[ast.expr, Frame], Values] = {}
        self.tried: dict[tuple[ast.expr, Frame], tuple[int, Values]] = {}
        """What was cut short in this question, how often, and what was found the last time."""
        self.answers: dict[tuple[ast.expr, ast.Call | None], Values] = {}
        """By expression and the call that it is evaluated in: what was asked before, cut short or not."""
        self.bases: dict[Module, Frame] = {}
        self.reads_files = False
        self.names_files = False
        """Whether any of the files that were led to does; not always the same one: many have a function that reads."""
        self.active: set[tuple[object, Frame]] = set()
        self.depth = 0
        self.cut = 0
        self.steps = 0
        self.question_ends = STEPS_PER_QUESTION
        self.objects_end = STEPS_FOR_OBJECTS
        self.steps_for_files = STEPS_FOR_FILES
        self.seeks_files = False

    # ------------------------------------------------------------ entry

    def base(self, module: Module) -> Frame:
        """Return the frame of a file in which no call has been followed."""
        frame = self.bases.get(module)
        if frame is None:
            frame = self.bases[module] = Frame(module)
            self.reads_files = self.reads_files or reads_files(module)
            self.names_files = self.names_files or names_files(module)
        return frame

    def ask(self, expr: ast.expr, frame: Frame) -> Values:
        """Evaluate for a caller: every question has its own share of the file's work."""
        self.question_ends = min(self.steps + STEPS_PER_QUESTION, STEPS_PER_FILE)
        self.objects_end = min(self.steps + STEPS_FOR_OBJECTS, self.question_ends)
        self.steps_for_files = STEPS_FOR_FILES
        self.tried.clear()
        return self.values(expr, frame)

    def values(self, expr: ast.expr, frame: Frame) -> Values:
        """Return the alternatives of an expression; never empty."""
        key = (expr, frame)
        known = self.memo.get(key)
        if known is not None:
            return known
        self.steps += 1
        if self.is_exhausted:
            return self.give_up("too much work", expr, frame)
        if key in self.active:
            return self.give_up("a value that depends on itself", expr, frame)
        if self.depth >= DEPTH_LIMIT:
            return self.give_up("a value that is nested too deeply", expr, frame)
        tries, found = self.tried.get(key, (0, ()))
        if tries >= TRIES_PER_QUESTION:
            self.cut += 1
            return found
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
        else:
            self.tried[key] = (tries + 1, found)
        return found

    def charge(self, size: int) -> None:
        """Count the work of building a text of so many fragments, or a container of so many elements."""
        self.steps += size // 16

    @property
    def is_exhausted(self) -> bool:
        """Whether the question has used up its share of the work."""
        return self.steps > self.question_ends

    @property
    def follows_objects(self) -> bool:
        """Whether the question has work left for what objects hold."""
        return self.steps < self.objects_end and self.depth < OBJECT_DEPTH

    @contextmanager
    def seeking_files(self) -> Iterator[None]:
        """Bound what is spent on whether something comes from a file; what is not found by then does not count as cut.

        One that runs within another has the other's bounds.
        """
        if self.seeks_files:
            yield
            return
        begun, cut, ends = self.steps, self.cut, self.question_ends
        self.question_ends = min(ends, begun + self.steps_for_files)
        self.seeks_files = True
        try:
            yield
        finally:
            if self.is_exhausted:
                self.cut = cut
            self.seeks_files = False
            self.question_ends = ends
            self.steps_for_files -= self.steps - begun

    @property
    def follows_files(self) -> bool:
        """Whether calls that are not followed are asked for the files that they are handed something of."""
        return self.reads_files and self.names_files and self.steps_for_files > 0 and self.follows_objects

    def give_up(self, reason: str, expr: ast.expr, frame: Frame) -> Values:
        """Return an Unknown that is not to be remembered: asked from elsewhere, there may be an answer."""
        self.cut += 1
        return (self.unknown(reason, expr, frame),)

    def unknown(self, reason: str, node: ast.AST, frame: Frame, kind: Hole = Hole.SQL) -> Unknown:
        """Return an Unknown that stands where a node stands."""
        return Unknown(reason, frame.module.place(node), kind)

    # ------------------------------------------------------------ expressions

    def dispatch(self, expr: ast.expr, frame: Frame) -> Iterable[Value]:  # noqa: PLR0911 - one for each kind
        """Evaluate by the kind of expression."""
        match expr:
            case ast.Constant():
                return (self.constant(expr, frame),)
            case ast.JoinedStr():
                return evaluate_fields(self, expr, frame)
            case ast.Name():
                return self.name(expr, frame)
            case ast.Attribute():
                return evaluate_attribute(self, expr, frame)
            case ast.Call():
                return evaluate_call(self, expr, frame)
            case ast.BinOp():
                return evaluate_operation(self, expr, frame)
            case ast.Subscript():
                return evaluate_item(self, expr, frame)
        return self.compound(expr, frame)

    def compound(self, expr: ast.expr, frame: Frame) -> Iterable[Value]:  # noqa: PLR0911 - one for each kind
        """Evaluate the less frequent kinds."""
        match expr:
            case ast.IfExp():
                return self.conditional(expr, frame)
            case ast.BoolOp():
                return self.either(expr, frame)
            case ast.List() | ast.Tuple() | ast.Set():
                return (self.sequence(expr, frame),)
            case ast.Dict():
                return (self.table(expr, frame),)
            case ast.DictComp():
                return (self.table_comprehension(expr, frame),)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return (self.comprehension(expr, frame),)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.values(value, frame)
            case ast.UnaryOp():
                return (evaluate_sign(self, expr, frame),)
            case ast.Compare():
                return (self.unknown("a comparison", expr, frame, Hole.VALUE),)
        template = getattr(ast, "TemplateStr", None)
        if template is not None and isinstance(expr, template):
            return evaluate_fields(self, expr, frame)
        return (self.unknown("an expression that is not followed", expr, frame),)

    def constant(self, expr: ast.Constant, frame: Frame) -> Value:
        """Return what a literal stands for."""
        value = expr.value
        if isinstance(value, bytes):
            if not value.isascii():
                return self.unknown("bytes that are not ASCII", expr, frame)
            value = value.decode("ascii")
        if isinstance(value, str):
            return self.literal(expr, value, frame)
        if isinstance(value, int) and value.bit_length() > NUMBER_BITS:
            return self.unknown("a number that is too long", expr, frame, Hole.VALUE)
        if value is None or isinstance(value, int | float):
            return Scalar(value, frame.module.place(expr))
        return self.unknown("a constant that is no text", expr, frame)

    def literal(self, expr: ast.expr, text: str, frame: Frame) -> Value:
        """Return a text literal, mapped character by character where that is cheap."""
        place = frame.module.place(expr)
        if len(text) > TEXT_LIMIT:
            return Unknown("a text that is too long", place)
        fragments = spell_plain(frame.module.source, place.span, text) if text else None
        return Text(SqlTemplate(fragments=fragments or (Fragment(text=text, place=place),)))

    def conditional(self, expr: ast.IfExp, frame: Frame) -> Iterable[Value]:
        """Follow both sides of a conditional expression; a chain of them in a loop, since it may be long."""
        found: list[Value] = []
        branch: ast.expr = expr
        while isinstance(branch, ast.IfExp):
            held = holds(self, branch.test, frame)
            if held is not False:
                found += self.values(branch.body, frame)
            if held is True:
                return found
            branch = branch.orelse
        return [*found, *self.values(branch, frame)]

    def either(self, expr: ast.BoolOp, frame: Frame) -> Iterable[Value]:
        """Follow `a or b`, which skips what is surely false; `a and b` is taken to be b."""
        if isinstance(expr.op, ast.And):
            return self.values(expr.values[-1], frame)
        found: list[Value] = []
        for operand in expr.values:
            values = self.values(operand, frame)
            found += [value for value in values if truth(value) is not False or operand is expr.values[-1]]
            if all(truth(value) is True for value in values):
                break
        return found

    # ------------------------------------------------------------ containers

    def sequence(self, expr: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Items:
        """Return a list, tuple or set display."""
        elements: list[Values] = []
        rest: Unknown | None = None
        for element in expr.elts[:ELEMENT_LIMIT]:
            if isinstance(element, ast.Starred):
                more, missing = self.elements(self.values(element.value, frame), element, frame)
                elements += more
                rest = rest or missing
            else:
                elements.append(self.values(element, frame))
        if max(len(expr.elts), len(elements)) > ELEMENT_LIMIT:
            rest = self.unknown("a list that is too long", expr, frame)
        return Items(tuple(elements[:ELEMENT_LIMIT]), frame.module.place(expr), rest)

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
        """Return a dictionary display."""
        table = Table((), frame.module.place(expr))
        entries: list[tuple[Value, Values]] = []
        for key, value in zip(expr.keys[:ELEMENT_LIMIT], expr.values, strict=False):
            if key is not None:
                entries += [(name, self.values(value, frame)) for name in self.values(key, frame)]
            else:
                table = table.updated(entries).overlaid(self.values(value, frame))
                entries = []
        return table.updated(entries)

    def comprehension(self, expr: ast.ListComp | ast.GeneratorExp | ast.SetComp, frame: Frame) -> Items:
        """Return a comprehension, with its variable standing for one element after the other."""
        place = frame.module.place(expr)
        first, *others = expr.generators
        elements, rest = self.elements(self.values(first.iter, frame), first.iter, frame)
        filtered = bool(others or first.ifs)
        if not elements:
            return Items((self.values(expr.elt, frame),), place, rest or self.unknown("an empty list", expr, frame))
        bindings = self.bound_by(first, frame)
        found = []
        for element in elements:
            at = self.pinned(frame, bindings, element)
            if all(holds(self, test, at) is not False for test in first.ifs):
                found.append(self.values(expr.elt, at))
        if filtered and rest is None:
            found = [tuple(dict.fromkeys(values)) for values in found]
        return Items(tuple(found), place, rest)

    def table_comprehension(self, expr: ast.DictComp, frame: Frame) -> Table:
        """Return a dictionary comprehension, with its variables standing for one element after the other."""
        first, *others = expr.generators
        elements, rest = self.elements(self.values(first.iter, frame), first.iter, frame)
        bindings = self.bound_by(first, frame)
        table = Table((), frame.module.place(expr), rest)
        if others:
            return table.updated((), self.unknown("a comprehension of several loops", expr, frame))
        for element in elements:
            at = self.pinned(frame, bindings, element)
            values = self.values(expr.value, at)
            table = table.updated([(key, values) for key in self.values(expr.key, at)])
        return table

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

    # ------------------------------------------------------------ f-strings

    # ------------------------------------------------------------ names

    def name(self, expr: ast.Name, frame: Frame) -> Iterable[Value]:
        """Return what the bindings that reach a name give it."""
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
            values = mutated(self, values, binding, expr, at)
            (cyclic if self.cut != cut and _all_unknown(values) else found).extend(values)
        return found or cyclic or (self.unknown(f"{expr.id}, which has no value here", expr, frame),)

    def unbound(self, expr: ast.Name, frame: Frame) -> Values:
        """Look for a name that only `from … import *` or the interpreter can have brought."""
        special = special_name(expr, frame)
        if special is not None:
            return (special,)
        for origin in frame.module.star_imports:
            values = imported_values(self, f"{origin}.{expr.id}", expr, frame)
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

    def bound(self, binding: Binding, frame: Frame) -> Values:  # noqa: PLR0911 - one for each kind
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
            case BindingKind.WITH if value is not None and not binding.index:
                return self.entered(binding, value, frame)
            case BindingKind.FOR if value is not None:
                return self.looped(binding, value, frame)
            case BindingKind.IMPORT if binding.target is not None:
                return imported_values(self, binding.target, binding.node, frame)
            case BindingKind.CLASS if isinstance(binding.node, ast.ClassDef) and is_enum(frame.module, binding.node):
                return (self.enumeration(binding.node, frame.module),)
            case BindingKind.ANNOTATION | BindingKind.DELETE:
                return ()
        reason = _REASONS.get(binding.kind, "{0}").format(binding.name)
        if binding.kind in {BindingKind.FUNCTION, BindingKind.CLASS}:
            place = frame.module.place(binding.node)
            return (Callee(reason, place, definition=(frame.module, binding.node)),)
        return (self.unknown(reason, binding.node, frame),)

    def enumeration(self, class_node: ast.ClassDef, module: Module) -> Items:
        """Return the members of an enumeration, which iterating over the class yields, as their values."""
        frame = self.base(module)
        members = [statement for statement in class_node.body if isinstance(statement, ast.Assign)]
        values = tuple(self.values(member.value, frame) for member in members[:ELEMENT_LIMIT])
        return Items(values, module.place(class_node))

    def entered(self, binding: Binding, value: ast.expr, frame: Frame) -> Values:
        """Return what `with value as name` gives the name: a file that is opened is what it was."""
        files = tuple(found for found in self.values(value, frame) if isinstance(found, FilePath))
        return files or (self.unknown(f"{binding.name!r}, bound by a with statement", binding.node, frame),)

    def augmented(self, binding: Binding, frame: Frame) -> Values:
        """Return what `name += value` makes of the name; earlier ones first, so that long chains stay shallow."""
        statement = binding.node
        if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Name):
            return (self.unknown("an attribute that is added to", statement, frame),)
        for earlier in self.pending(binding, statement.target, frame):
            self.augmented_once(earlier, frame)
        return self.augmented_once(statement, frame)

    def pending(self, binding: Binding, target: ast.Name, frame: Frame) -> list[ast.AugAssign]:
        """Return the `+=` before one that have not been evaluated yet, in the file's order."""
        if (target, frame) in self.memo or (target, frame) in self.active or self.is_exhausted:
            return []
        scope = frame.module.scope(target).owner(binding.name)
        found: list[ast.AugAssign] = []
        bindings = scope.bindings[binding.name] if scope is not None else []
        for earlier in reversed(bindings[: bindings.index(binding)]):
            if not isinstance(earlier.node, ast.AugAssign) or (earlier.node.target, frame) in self.memo:
                break
            found.append(earlier.node)
        return found[::-1]

    def augmented_once(self, statement: ast.AugAssign, frame: Frame) -> Values:
        """Evaluate one `+=`, once."""
        target = statement.target
        key = (target, frame)
        known = self.memo.get(key)
        if known is not None or not isinstance(target, ast.Name):
            return known or ()
        self.steps += 1
        if self.is_exhausted:
            return self.give_up("too much work", target, frame)
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
        """Return what a name holds after one augmented assignment."""
        before = tuple(self.name(target, frame))
        after = self.values(statement.value, frame)
        if isinstance(statement.op, ast.Add):
            return [add_values(self, (first, second), statement, frame) for first in before for second in after]
        operation = ast.copy_location(ast.BinOp(target, statement.op, statement.value), statement)
        return combined(self, before, after, operation, frame)

    def parameter(self, binding: Binding, frame: Frame) -> Values:
        """Return the argument of a followed call; else the default, and that it may be anything."""
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
        return (*(value for value in default if not isinstance(value, Unknown)), missing)

    def is_parameter_of(self, binding: Binding, frame: Frame) -> bool:
        """Return whether a binding is a parameter of the function that the frame is a call of."""
        parents = frame.module.parents
        return frame.function is not None and parents.get(parents.get(binding.node, binding.node)) is frame.function

    def looped(self, binding: Binding, iterable: ast.expr, frame: Frame) -> Values:
        """Return a loop variable's values, all rounds together."""
        found: list[Value] = []
        for values in self.values(iterable, frame):
            elements, rest = self.elements((values,), iterable, frame)
            found += [value for element in elements for value in self.part_of(element, binding.index, iterable, frame)]
            if rest is not None:
                found.append(rest if isinstance(rest, Drawn) else Unknown(rest.reason, rest.place, rest.hole))
        return limited(found)

    # ------------------------------------------------------------ lists and dictionaries that are built step by step

    # ------------------------------------------------------------ attributes and items

    # ------------------------------------------------------------ other files


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
            words = {word.strip() for word in name.split("|")} - {"None"}
            return bool(words) and words <= _NUMERIC_TYPES
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            sides = [side for side in (left, right) if not _is_none(side)]
            return bool(sides) and all(is_numeric_annotation(side) for side in sides)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return is_numeric_annotation(inner)
    return False


def _is_none(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is None


def _parts_of_unknown(value: Value) -> Values:
    return (value,) if isinstance(value, Unknown) else ()


def _all_unknown(values: Values) -> bool:
    return all(isinstance(value, Unknown) for value in values)
