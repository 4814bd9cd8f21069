"""What files that start processes say: services, processes, threads, instances, variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.budget.reading import survey_files
from txsafe.budget.deployment import is_deployment_file, read_deployment
from txsafe.catalog import find_rules_directory
from txsafe.catalog.processes import load_processes
from txsafe.model import SourceFile
from txsafe.source import decode, line_starts

if TYPE_CHECKING:
    from pathlib import Path

    from txsafe.budget.commands import Service

PROCESSES = load_processes(find_rules_directory())


def services_of(folder: Path, **files: str) -> tuple[Service, ...]:
    return survey_files(folder, files).services


def read(name: str, text: str) -> tuple[Service, ...]:
    return read_deployment([decode(text.encode(), name)], PROCESSES).services


@pytest.mark.parametrize(
    ("command", "processes", "threads"),
    [
        ("gunicorn app:app -w 4", 4, 1),
        ("gunicorn app:app -w4 --threads=8", 4, 8),
        ("exec gunicorn --workers=3 -k uvicorn.workers.UvicornWorker app:app", 3, 1),
        ("poetry run gunicorn app:app", 1, 1),
        ("python -m gunicorn app:app --workers ${WEB_WORKERS:-5}", 5, 1),
        ("cd /srv && gunicorn app:app -w 2; echo done", 2, 1),
        ("celery -A app worker -c 16", 16, 1),
        ("celery -A app worker --concurrency=3", 3, 1),
    ],
)
def test_a_command_line_says_how_many_processes_there_are(command: str, processes: int, threads: int) -> None:
    (service,) = read("Procfile", f"web: {command}\n")
    assert (service.name, service.path, service.line) == ("web", "Procfile", 1)
    assert (service.processes.exact, service.threads.exact) == (processes, threads)


@pytest.mark.parametrize(
    ("command", "question"),
    [
        ("gunicorn app:app -w $(nproc)", "how many processes of gunicorn"),
        ("gunicorn app:app -w $WORKERS", "which value has the variable WORKERS?"),
        ("celery -A app worker", "celery starts one process per processor"),
    ],
)
def test_what_a_command_line_leaves_open_is_asked_for(command: str, question: str) -> None:
    (service,) = read("Procfile", f"web: {command}\n")
    assert service.processes.most is None
    (asked,) = service.processes.questions
    assert asked.flag == "--workers N"
    assert question in asked.text


def test_tasks_and_thread_pools_are_asked_for() -> None:
    (service,) = read("Procfile", "web: uvicorn app:app --workers 2\n")
    assert service.processes.exact == 2
    assert service.threads.questions[0].flag == "--threads N"


@pytest.mark.parametrize(
    "command",
    ["python manage.py migrate", "celery -A app beat", "pip install gunicorn", "echo gunicorn -w 4", "npm start", "'"],
)
def test_other_commands_start_no_service(command: str) -> None:
    assert read("Procfile", f"web: {command}\n") == ()


def test_a_dockerfile_is_read_in_both_forms() -> None:
    text = 'FROM python\nENV WEB_CONCURRENCY=6 OTHER="a b"\nCMD ["gunicorn", "app:app"]\n'
    (service,) = read("web/Dockerfile", text)
    assert (service.name, service.processes.exact) == ("web", 6)
    (source,) = service.processes.sources
    assert (source.text, source.path, source.line) == ("WEB_CONCURRENCY = 6", "web/Dockerfile", 2)
    (service,) = read("Dockerfile", "CMD gunicorn app:app \\\n  --workers 3\n")
    assert (service.name, service.processes.exact, service.line) == ("app", 3, 1)
    (service,) = read("Dockerfile", 'CMD ["sh", "-c", "exec gunicorn app:app -w 7"]\n')
    assert service.processes.exact == 7


def test_a_compose_file_says_instances_too() -> None:
    text = """
services:
  web:
    command: gunicorn app:app --workers 4
    deploy: {replicas: 3}
  worker:
    command: ["celery", "-A", "app", "worker", "-c", "2"]
    scale: "5"
    environment: [WEB_CONCURRENCY=9]
  database:
    image: postgres
"""
    web, worker = read("docker-compose.yml", text)
    assert (web.name, web.processes.exact, web.instances and web.instances.exact) == ("web", 4, 3)
    assert (worker.name, worker.processes.exact, worker.instances and worker.instances.exact) == ("worker", 2, 5)


def test_a_kubernetes_deployment_is_read() -> None:
    text = """
kind: Deployment
spec:
  replicas: 80
  template:
    spec:
      containers:
        - name: web
          command: [gunicorn]
          args: ["app:app", "--workers", "2"]
        - name: proxy
"""
    (service,) = read("deploy/web.yaml", text)
    assert (service.name, service.instances and service.instances.exact) == ("web", 80)


def test_scripts_and_units_are_read() -> None:
    (service,) = read("bin/start.sh", "#!/bin/sh\nWEB_CONCURRENCY=3\n# gunicorn -w 9\nexec gunicorn \\\n  app:app\n")
    assert (service.line, service.processes.exact) == (4, 3)
    (service,) = read("web.service", "[Service]\nExecStart=/srv/venv/bin/gunicorn app:app --workers 5\n")
    assert (service.name, service.processes.exact) == ("web", 5)


def test_settings_of_gunicorn_are_read_as_text() -> None:
    settings = "import os\nworkers = int(os.environ.get('WORKERS', 6))\nthreads: int = 3\n"
    sources = [decode(settings.encode(), "gunicorn.conf.py"), decode(b"web: gunicorn app:app\n", "Procfile")]
    (service,) = read_deployment(sources, PROCESSES).services
    assert (service.processes.exact, service.threads.exact) == (6, 3)
    assert service.processes.sources[0].path == "gunicorn.conf.py"


@pytest.mark.parametrize(
    ("value", "question"),
    [("multiprocessing.cpu_count() * 2 + 1", "workers"), ("compute()", "workers"), ("int(os.environ['W'])", "workers")],
)
def test_settings_that_are_computed_are_asked_for(value: str, question: str) -> None:
    sources = [decode(f"workers = {value}\n".encode(), "gunicorn.conf.py"), decode(b"web: gunicorn a:a\n", "Procfile")]
    (service,) = read_deployment(sources, PROCESSES).services
    assert service.processes.most is None
    assert question in service.processes.questions[0].text


def test_settings_take_variables_that_are_set() -> None:
    sources = [
        decode(b"W=12\n", ".env"),
        decode(b"import os\nworkers = int(os.environ['W'])\n", "gunicorn.conf.py"),
        decode(b"web: gunicorn a:a\n", "Procfile"),
    ]
    (service,) = read_deployment(sources, PROCESSES).services
    assert service.processes.exact == 12


def test_broken_settings_say_nothing() -> None:
    sources = [decode(b"workers = (\n", "gunicorn.conf.py"), decode(b"web: gunicorn a:a\n", "Procfile")]
    assert read_deployment(sources, PROCESSES).services[0].processes.exact == 1


def test_variables_of_sample_files_are_nobodys() -> None:
    sources = [decode(b"WEB_CONCURRENCY=12\n", ".env.example"), decode(b"web: gunicorn a:a\n", "Procfile")]
    assert read_deployment(sources, PROCESSES).services[0].processes.exact == 1


@pytest.mark.parametrize(
    ("name", "text", "size"),
    [
        ("application.properties", "spring.datasource.hikari.maximum-pool-size=30\n", 30),
        ("application.yml", "spring: {datasource: {hikari: {maximumPoolSize: 12}}}\n", 12),
        ("hikari.properties", "maximumPoolSize=8\n", 8),
        ("application.properties", "spring.datasource.hikari.minimum-idle=2\n", 10),
    ],
)
def test_pools_of_other_languages_share_the_server(name: str, text: str, size: int) -> None:
    (pool,) = read_deployment([decode(text.encode(), name)], PROCESSES).pools
    assert (pool.name, pool.size.exact) == ("HikariCP", size)


def test_files_are_told_by_their_names() -> None:
    for name in (
        "Procfile",
        "Dockerfile",
        "web.dockerfile",
        "docker-compose.yml",
        "start.sh",
        "entrypoint",
        ".env",
        "x.service",
    ):
        assert is_deployment_file(name)
    for name in ("app.py", "README.md", "index.html", "startle.py"):
        assert not is_deployment_file(name)


def test_services_are_found_on_disk_but_not_in_tests(tmp_path: Path) -> None:
    files = {
        "Procfile": "web: gunicorn a:a -w 2\n",
        "tests/Procfile": "odd: gunicorn a:a -w 9\n",
        "bad.sh": "gunicorn '",
    }
    found = services_of(tmp_path, **files)
    assert [service.name for service in found] == ["web", "bad.sh"]


@given(st.sampled_from(["Procfile", "Dockerfile", "compose.yml", "a.sh", "a.service", "gunicorn.conf.py"]), st.text())
def test_no_text_is_too_odd(name: str, text: str) -> None:
    source = SourceFile(path=name, text=text, encoding="utf-8", bom=False, line_starts=line_starts(text))
    assert all(service.path == name for service in read_deployment([source], PROCESSES).services)
