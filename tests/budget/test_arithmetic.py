"""The worked cases, and what is said where numbers are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.budget.reading import catalog, survey_files
from txsafe.audit.section import Bullets, Paragraph, Table, Tone
from txsafe.budget.arithmetic import Answers, Budget, Check, Standing, compute
from txsafe.budget.figures import Origin, known
from txsafe.budget.limits import read_limits
from txsafe.budget.section import tell_budget
from txsafe.poolerconfig import read_pooler_file
from txsafe.report.json_text import dump

if TYPE_CHECKING:
    from pathlib import Path

RESERVED = {"superuser_reserved_connections": 3, "reserved_connections": 0}
ENGINE = "from sqlalchemy import create_engine\nengine = create_engine(URL, pool_size=20, max_overflow=0)\n"


def budget_of(folder: Path, answers: Answers, *, pooler: str | None = None, **files: str) -> Budget:
    found = survey_files(folder, {name.replace("__", "."): text for name, text in files.items()})
    limits = None
    if pooler is not None:
        file = folder / "pgbouncer.ini"
        file.write_text(pooler)
        read = read_pooler_file(file)
        users = None if answers.users is None else known(answers.users)
        databases = None if answers.databases is None else known(answers.databases)
        limits = read_limits(read, catalog().poolers[read.pooler], users=users, databases=databases)
    return compute(found.pools, found.services, answers, pooler=limits, reserved=RESERVED)


def check_of(budget: Budget, name: str) -> Check:
    return next(check for check in budget.checks if check.id == name)


def test_fifty_instances_with_pools_of_twenty_exhaust_a_hundred_connections(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers(instances=50, workers=1, max_connections=100), db__py=ENGINE)
    assert (budget.demand.exact, budget.available.exact) == (1000, 97)
    direct = check_of(budget, "direct")
    assert direct.standing is Standing.FAILS
    assert "1,000 connections wanted, 97 to be had: the server refuses client 98" in direct.text
    assert budget.shrink is not None
    assert budget.shrink.start == 1
    assert budget.questions == ()


def test_without_the_number_of_workers_it_fails_all_the_same_and_asks(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers(instances=50, max_connections=100), db__py=ENGINE)
    assert budget.demand.shown == "at least 1,000"
    assert check_of(budget, "direct").standing is Standing.FAILS
    assert [question.flag for question in budget.questions] == ["--workers N"]
    assert budget.shrink is None


PGBOUNCER = """
[databases]
app = host=10.0.0.1 dbname=app
[pgbouncer]
pool_mode = transaction
max_client_conn = 5000
default_pool_size = 200
reserve_pool_size = 25
"""


def test_eighty_instances_of_twenty_behind_pgbouncer_shrink_to_eight(tmp_path: Path) -> None:
    answers = Answers(instances=80, workers=1, users=1, max_connections=300)
    budget = budget_of(tmp_path, answers, pooler=PGBOUNCER, db__py=ENGINE)
    assert budget.demand.exact == 1600
    assert budget.pooler is not None
    assert (budget.pooler.clients.exact, budget.pooler.servers.exact) == (5000, 225)
    assert check_of(budget, "clients").standing is Standing.HOLDS
    assert check_of(budget, "servers").standing is Standing.HOLDS
    assert budget.shrink is not None
    assert (budget.shrink.least, budget.shrink.start, budget.shrink.most) == (3, 8, 62)
    shrunk = budget_of(
        tmp_path, Answers(instances=80, workers=1, users=1, pool_size=8), pooler=PGBOUNCER, db__py=ENGINE
    )
    assert shrunk.demand.exact == 640


def test_eight_thousand_clients_share_three_hundred_backends(tmp_path: Path) -> None:
    ini = "[databases]\napp = user=app\n[pgbouncer]\nmax_client_conn = 10000\ndefault_pool_size = 300\n"
    answers = Answers(instances=400, workers=1, max_connections=400)
    budget = budget_of(tmp_path, answers, pooler=ini, db__py=ENGINE)
    assert budget.demand.exact == 8000
    assert budget.pooler is not None
    assert budget.pooler.servers.exact == 300
    assert budget.fan_in == pytest.approx(26.67, abs=0.01)
    assert budget.questions == ()
    descriptors = check_of(budget, "descriptors")
    assert "10,300 open files" in descriptors.text
    assert descriptors.advice.startswith("LimitNOFILE=11000")


def test_a_pooler_that_takes_fewer_clients_refuses_them(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers(instances=80, workers=1, users=1), pooler="[pgbouncer]\n", db__py=ENGINE)
    clients = check_of(budget, "clients")
    assert clients.standing is Standing.FAILS
    assert "PgBouncer takes 100: it refuses client 101" in clients.text
    assert clients.advice.startswith("Allow at least 1,600 clients")
    assert budget.pooler is not None
    (default,) = budget.pooler.clients.sources
    assert (default.origin, default.reference) == (Origin.DEFAULT, "https://www.pgbouncer.org/config.html")


def test_every_pair_of_database_and_user_has_a_pool_and_a_reserve(tmp_path: Path) -> None:
    ini = """
[databases]
a = dbname=a
b = dbname=b user=forced pool_size=7
c = dbname=c max_db_connections=30 reserve_pool_size=1
[pgbouncer]
default_pool_size = 20
reserve_pool_size = 5
"""
    answers = Answers(instances=1, workers=1, users=4, max_connections=100)
    budget = budget_of(tmp_path, answers, pooler=ini, db__py=ENGINE)
    assert budget.pooler is not None
    assert budget.pooler.pools.exact == 4 + 1 + 4
    assert budget.pooler.servers.exact == 4 * 25 + 12 + 30
    servers = check_of(budget, "servers")
    assert servers.standing is Standing.FAILS
    assert servers.advice == "At most 5 server connections per pool fit, with a reserve of 5, for 9 of them."


def test_too_many_pools_for_the_server_fit_at_no_size(tmp_path: Path) -> None:
    answers = Answers(instances=1, workers=1, users=90, databases=2, max_connections=100)
    budget = budget_of(tmp_path, answers, pooler="[pgbouncer]\n", db__py=ENGINE)
    assert check_of(budget, "servers").advice.startswith("Allow fewer users and databases")


def test_users_and_databases_that_no_file_names_are_asked_for(tmp_path: Path) -> None:
    budget = budget_of(
        tmp_path, Answers(instances=1, workers=1), pooler="[databases]\n* =\n[pgbouncer]\n", db__py=ENGINE
    )
    assert [question.flag for question in budget.questions] == ["--max-connections N", "--databases N", "--users N"]
    assert check_of(budget, "servers").standing is Standing.DEPENDS
    assert budget.fan_in is None


def test_a_limit_per_user_bounds_all_databases(tmp_path: Path) -> None:
    ini = "[databases]\na =\nb =\n[pgbouncer]\nmax_user_connections = 15\n"
    budget = budget_of(tmp_path, Answers(users=2), pooler=ini, db__py=ENGINE)
    assert budget.pooler is not None
    assert budget.pooler.servers.exact == 30


def test_a_limit_that_is_no_number_is_named(tmp_path: Path) -> None:
    ini = "[databases]\na = user=x\n[pgbouncer]\ndefault_pool_size = lots\n"
    budget = budget_of(tmp_path, Answers(), pooler=ini, db__py=ENGINE)
    assert any("pgbouncer.ini:4: default_pool_size is no number" in question.text for question in budget.questions)


@pytest.mark.parametrize(
    ("name", "text", "servers"),
    [
        ("pgdog.toml", '[general]\ndefault_pool_size = 30\n[[databases]]\nname = "a"\nhost = "h"\n', "60"),
        ("pgagroal.conf", "[pgagroal]\nmax_connections = 80\n", "80"),
        ("odyssey.conf", 'storage "s" {\n}\ndatabase "a" {\n user "u" {\n  pool_size 9\n }\n}\n', "9"),
        ("odyssey.conf", 'storage "s" {\n}\ndatabase "a" {\n user "u" {\n  pool "transaction"\n }\n}\n', "unlimited"),
        ("pgcat.toml", '[pools.a]\n[pools.a.users.0]\nusername = "u"\n', "unknown"),
    ],
)
def test_other_poolers_files_say_it_in_their_own_words(tmp_path: Path, name: str, text: str, servers: str) -> None:
    (tmp_path / name).write_text(text)
    file = read_pooler_file(tmp_path / name)
    limits = read_limits(file, catalog().poolers[file.pooler], users=known(2), databases=known(1))
    assert limits.servers.shown == servers


def test_services_count_by_themselves_and_instances_can_be_told_apart(tmp_path: Path) -> None:
    procfile = "web: gunicorn a:a -w 4\nworker: celery -A a worker -c 2\n"
    answers = Answers(instances=10, instances_of={"worker": 3}, max_connections=2000, reserved_connections=10)
    budget = budget_of(tmp_path, answers, db__py=ENGINE, Procfile=procfile)
    assert [(share.name, share.demand.exact) for share in budget.shares] == [("web", 800), ("worker", 120)]
    assert budget.available.exact == 1990
    assert check_of(budget, "direct").standing is Standing.HOLDS
    assert budget.questions == ()


def test_one_number_of_instances_for_several_services_is_questioned(tmp_path: Path) -> None:
    procfile = "web: gunicorn a:a -w 4\nworker: celery -A a worker -c 2\n"
    budget = budget_of(tmp_path, Answers(instances=10), db__py=ENGINE, Procfile=procfile)
    assert any("does each of web, worker run 10 instances?" in question.text for question in budget.questions)
    silent = budget_of(tmp_path, Answers(), db__py=ENGINE, Procfile=procfile)
    assert {"--instances web=N", "--instances worker=N"} <= {question.flag for question in silent.questions}


def test_instances_in_a_file_are_taken_from_there(tmp_path: Path) -> None:
    compose = "services: {web: {command: gunicorn a:a -w 2, deploy: {replicas: 6}}}\n"
    budget = budget_of(tmp_path, Answers(), db__py=ENGINE, compose__yml=compose)
    assert budget.demand.exact == 6 * 2 * 20


def test_threads_multiply_where_each_has_a_connection(tmp_path: Path) -> None:
    django = "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n"
    procfile = "web: gunicorn a:a -w 4 --threads 8\n"
    budget = budget_of(tmp_path, Answers(instances=5), settings__py=django, Procfile=procfile)
    assert budget.demand.exact == 5 * 4 * 8
    told = budget_of(tmp_path, Answers(instances=5, threads=2), settings__py=django, Procfile=procfile)
    assert told.demand.exact == 5 * 4 * 2


def test_a_pool_without_bound_fails_any_limit(tmp_path: Path) -> None:
    endless = "from sqlalchemy import create_engine\ncreate_engine(URL, max_overflow=-1)\n"
    budget = budget_of(tmp_path, Answers(instances=1, workers=1, max_connections=100), db__py=endless)
    assert budget.demand.shown == "unlimited"
    assert check_of(budget, "direct").standing is Standing.FAILS


def test_several_pools_are_added_up_and_questioned(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers(instances=1, workers=1), a__py=ENGINE, b__py=ENGINE)
    assert budget.demand.exact == 40
    assert any("open all 2 pools" in question.text for question in budget.questions)


def test_nothing_known_is_all_asked_for(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers())
    flags = [question.flag for question in budget.questions]
    assert flags == ["--instances N", "--workers N", "--pool-size N", "--max-connections N"]
    assert check_of(budget, "direct").standing is Standing.DEPENDS


def test_the_section_tells_it_all(tmp_path: Path) -> None:
    budget = budget_of(tmp_path, Answers(instances=80, workers=1), pooler=PGBOUNCER, db__py=ENGINE)
    section = tell_budget(budget)
    paragraphs = [block for block in section.blocks if isinstance(block, Paragraph)]
    assert paragraphs[0].tone is Tone.BAD or paragraphs[0].tone is Tone.UNKNOWN
    (questions,) = [block for block in section.blocks if isinstance(block, Bullets)]
    assert [item.text.split("`")[1] for item in questions.items] == ["--max-connections N", "--users N"]
    captions = [block.caption for block in section.blocks if isinstance(block, Table)]
    assert captions[0] == "Clients"
    assert len(captions) == 3
    assert '"demand"' in dump(section.data)


def test_the_section_says_what_to_shrink_to(tmp_path: Path) -> None:
    answers = Answers(instances=80, workers=1, users=1, max_connections=300)
    texts = [
        block.text
        for block in tell_budget(budget_of(tmp_path, answers, pooler=PGBOUNCER, db__py=ENGINE)).blocks
        if isinstance(block, Paragraph)
    ]
    assert any(text.startswith("7.1 clients share one server connection") for text in texts)
    assert any(text.startswith("Connections per process: 8 to begin with") for text in texts)
    alone = tell_budget(budget_of(tmp_path, Answers(instances=50, workers=1, max_connections=100), db__py=ENGINE))
    told = [block.text for block in alone.blocks if isinstance(block, Paragraph)]
    assert any("1 connections per process would fit; now it is 20" in text for text in told)
