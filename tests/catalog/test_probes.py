"""The `probe:` section of a rule: what it says, and where it is wrong."""

from __future__ import annotations

import pytest

from txsafe.catalog.document import Reader, parse_document
from txsafe.catalog.probes import Call, Context, Means, Probe, Speaker, Step, Word, read_probes
from txsafe.errors import CatalogError

VARIANTS = {"lock": ("session-lock",), "set": ("parameter:{literal-1}",), "harmless": ()}

WHOLE = """\
probe:
  take {name}:
    variants: [lock, set]
    requires: [session-lock, "parameter:{name}"]
    each: {timezone: UTC}
    create: [CREATE SEQUENCE a]
    drop: [DROP SEQUENCE a]
    start-up: {options: "-c {name}={value}"}
    set-up: [SELECT 1, "SELECT 2 \\\\parse {own}"]
    rival: [SELECT 3, "SELECT 4 \\\\parse"]
    observe: \\bind_named {own}
    expect: "{value} {backend}"
    differs: wrong-result
    look: SELECT 5
    leaves: [leaked, stuck]
    closing: ["\\\\notified {own}", \\backend_pid]
    clean-up: [SELECT 6]
    at-once: yes
    undisturbed: yes
    contexts: [autocommit, late]
  control:
    through: psycopg
    set-up: ["\\\\call withhold {own} SELECT 1", "SELECT $1 \\\\bind !"]
    observe: SELECT 7
    control: SELECT 8
    leaves: []
"""


def read(text: str) -> tuple[Probe, ...]:
    return read_probes(Reader(parse_document(text, "x.yaml")), VARIANTS)


def test_a_probe_is_read_with_all_its_parts() -> None:
    first, second = read(WHOLE)
    assert first == Probe(
        id="take {name}",
        variants=("lock", "set"),
        requires=("session-lock", "parameter:{name}"),
        each={"timezone": "UTC"},
        create=("CREATE SEQUENCE a",),
        drop=("DROP SEQUENCE a",),
        start_up={"options": "-c {name}={value}"},
        set_up=(Step("SELECT 1"), Step("SELECT 2", Means.PARSE, "{own}")),
        rival=(Step("SELECT 3"), Step("SELECT 4", Means.PARSE)),
        observe=Step("", Means.BIND_NAMED, "{own}"),
        expect="{value} {backend}",
        differs=Word.WRONG_RESULT,
        look=Step("SELECT 5"),
        leaves=(Word.LEAKED, Word.STUCK),
        closing=(Step("{own}", Means.NOTIFIED), Step("", Means.BACKEND_PID)),
        clean_up=("SELECT 6",),
        at_once=True,
        undisturbed=True,
        contexts=(Context.AUTOCOMMIT, Context.LATE),
    )
    assert second == Probe(
        id="control",
        through=Speaker.PSYCOPG,
        set_up=(Step("{own} SELECT 1", Means.CALL, Call.WITHHOLD), Step("SELECT $1", Means.BIND, "!")),
        observe=Step("SELECT 7"),
        control="SELECT 8",
        leaves=(),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("variants: [lock, set]", "variants: [lok]", "x.yaml:3: probe of no variant: 'lok'; did you mean 'lock'?"),
        ("variants: [lock, set]", "variants: [harmless]", "x.yaml:3: variant 'harmless' requires nothing that"),
        (
            "    variants: [lock, set]\n",
            "",
            "'variants' is missing in probe 'take {name}', which requires",
        ),
        ("requires: [session-lock,", "requires: [session-lok,", "x.yaml:4: unknown capability 'session-lok'; did you"),
        ("take {name}:", "take:", "x.yaml:3: probe 'take' needs both {name} in its own name and 'each', or neither"),
        ("[SELECT 1, ", "['{onw}', ", "x.yaml:9: nothing fills {onw} in a probe; did you mean 'own'?"),
        ("[SELECT 1, ", "['{backend}', ", "x.yaml:9: nothing fills {backend} in a probe"),
        ("SELECT 8", "SELECT {value}", "x.yaml:25: nothing fills {value} in a probe"),
        ("create: [CREATE SEQUENCE a]", "create: CREATE SEQUENCE a", "x.yaml:6: 'create' must be a list of statements"),
        ("rival: [SELECT 3, ", "rival: SELECT 3 #", "x.yaml:10: 'rival' must be a list of steps"),
        (
            "\\bind_named {own}",
            "\\bind_name {own}",
            "x.yaml:11: unknown word '\\bind_name'; did you mean 'bind_named'?",
        ),
        ("\\bind_named {own}", "SELECT $1 \\bind !", "x.yaml:11: \\bind is nothing that libpq does"),
        ("SELECT 7", "\\backend_pid", "x.yaml:24: \\backend_pid is nothing that psycopg does"),
        ("call withhold", "call withold", "x.yaml:23: psycopg is not called 'withold'; did you mean 'withhold'?"),
        ("through: psycopg", "through: psycop", "x.yaml:22: 'psycop' is none of libpq, psycopg, asyncpg"),
        ("{options: ", "{work_mem: ", "x.yaml:8: libpq lets no start-up parameter through but `options` of libpq"),
        ("control: SELECT 8", 'expect: ""', "probe 'control' needs either 'expect' or 'control'"),
        ("control: SELECT 8", "control: SELECT 8\n    expect: a", "probe 'control' needs either 'expect' or 'control'"),
        ("at-once: yes", "at-onec: yes", "x.yaml:18: unknown key 'at-onec'; did you mean 'at-once'?"),
        ("leaves: [leaked, ", "leaves: [leakd, ", "x.yaml:15: 'leakd' is none of"),
        ("    observe: SELECT 7\n", "", "'observe' is missing"),
    ],
)
def test_a_wrong_probe_is_told_with_its_place(old: str, new: str, message: str) -> None:
    assert old in WHOLE
    with pytest.raises(CatalogError) as caught:
        read(WHOLE.replace(old, new, 1))
    assert message in str(caught.value)


def test_a_rule_may_have_no_probe_and_a_probe_is_a_mapping() -> None:
    assert read("title: none") == ()
    with pytest.raises(CatalogError, match=r"^x\.yaml:2: probe 'a' must be a mapping, not a list$"):
        read("probe:\n  a: [b]")
