"""Set up the embedded demo and run it: web server, worker, demo charts, four log-ins."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

CHARTS = [settings.BASE_DIR / "data" / "demo" / name for name in ("charts.jsonl", "documents.jsonl")]
PEOPLE = [
    ("coder", "coder", "Casey", "Coder", "CRC"),
    ("lead", "qa_lead", "Quinn", "Lead", "CPMA"),
    ("manager", "manager", "Morgan", "Manager", ""),
    ("officer", "compliance", "Olive", "Officer", "CPC"),
]


class Command(BaseCommand):
    help = (
        "Migrate the database, load the demo project, start the web server and a Celery worker, analyse every note, "
        "and print the address and four log-ins. Running it again continues where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--reset", action="store_true", help="Start over: delete the embedded database first.")

    def handle(self, *args: Any, host: str, port: int, reset: bool, **options: Any) -> None:
        console = Console()
        refuse_busy_port(host, port)
        if reset:
            start_over()
        with console.status("Preparing the database"):
            call_command("migrate", verbosity=0)
            call_command("collectstatic", verbosity=0, interactive=False)
        with console.status("Loading the demo project"):
            people = load_people()
            charts, notes = load_charts()
        console.print(f"Demo project: {charts} charts with {notes} notes.")
        connection.close()

        with services(host, port) as processes:
            wait_until_first_chart_is_ready(console, host, port, processes)
            self.stdout.write(welcome(host, port, people))
            show_progress(console, processes)
            self.stdout.write("Every note is analysed. Stop with Ctrl-C; run again to continue.")
            self.stdout.flush()
            while True:
                check_alive(processes)
                time.sleep(1)


def refuse_busy_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another: make demo PORT={port + 1}"
            ) from error


def start_over() -> None:
    if connection.vendor != "sqlite":
        raise CommandError("demo-reset deletes only the embedded database, and DATABASE_URL names another.")
    connection.close()
    database = Path(connection.settings_dict["NAME"])
    for path in (database, *database.parent.glob(f"{database.name}-*")):
        path.unlink(missing_ok=True)
    shutil.rmtree(settings.VAR_DIR / "broker" / "queue", ignore_errors=True)
    (settings.VAR_DIR / "broker" / "queue").mkdir(parents=True)


def load_people() -> list[tuple[str, str, str]]:
    """(role, user name, password). The passwords are made once for this machine and kept beside the database."""
    from coding.models import Membership, Project, User
    from coding.models.projects import DEMO

    path = settings.VAR_DIR / "demo_logins.json"
    passwords = json.loads(path.read_text()) if path.exists() else {}
    project, _ = Project.objects.get_or_create(name=DEMO, defaults={"title": "Demo project", "programs": ["cms-hcc"]})
    shown = []
    for name, role, first, last, credential in PEOPLE:
        passwords.setdefault(name, secrets.token_urlsafe(9))
        user, new = User.objects.get_or_create(
            username=name, defaults={"first_name": first, "last_name": last, "credential": credential}
        )
        if new or not user.check_password(passwords[name]):
            user.set_password(passwords[name])
            user.save(update_fields=["password"])
        membership, _ = Membership.objects.get_or_create(project=project, user=user, defaults={"role": role})
        shown.append((membership.get_role_display(), name, passwords[name]))
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords))
    return shown


def load_charts() -> tuple[int, int]:
    from coding.models import Chart, Note
    from coding.models.projects import DEMO

    with contextlib.redirect_stdout(None):
        # After an update the file may have more charts; a note that was edited is refused, and demo-reset helps.
        for charts in CHARTS:
            call_command("import_charts", str(charts), "--apply", verbosity=0)
        call_command("analyse_charts", verbosity=0)
    of_demo = Chart.objects.filter(member__project__name=DEMO)
    return of_demo.count(), Note.objects.filter(encounter__chart__in=of_demo).count()


@contextlib.contextmanager
def services(host: str, port: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The web server and the worker as children, stopped in order when this process ends."""
    logs = settings.VAR_DIR / "log"
    logs.mkdir(exist_ok=True)
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if host not in settings.ALLOWED_HOSTS:
        hosts = "*" if host in ("0.0.0.0", "::") else host  # noqa: S104
        environment.setdefault("ALLOWED_HOSTS", ",".join([*settings.ALLOWED_HOSTS, hosts]))
    python = [sys.executable, "-m"]
    commands = {
        "worker": [*python, "celery", "-A", "config", "worker", "--beat", "--loglevel", "INFO", "--concurrency", "2"],
        "web": [
            *python,
            "gunicorn",
            "config.wsgi",
            "--bind",
            bind,
            "--workers",
            "1",
            "--threads",
            "8",
            "--preload",
            "--no-control-socket",
        ],
    }

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            with (logs / f"{name}.log").open("ab") as log:
                processes[name] = subprocess.Popen(  # noqa: S603
                    command, stdout=log, stderr=log, cwd=settings.BASE_DIR, env=environment, start_new_session=True
                )
        yield processes
    except KeyboardInterrupt:
        print("\nStopping.")
    finally:
        # A second signal (make and a terminal may both send one) must not leave a child behind.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def check_alive(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            log = settings.VAR_DIR / "log" / f"{name}.log"
            raise CommandError(f"The {name} process ended (status {process.returncode}). Its log: {log}")


def runs() -> tuple[int, int]:
    """(finished, all) NLP runs of all projects."""
    from coding.models import NlpRun
    from coding.workflow import RunStatus

    return NlpRun.objects.filter(status__in=[RunStatus.DONE, RunStatus.FAILED]).count(), NlpRun.objects.count()


def wait_until_first_chart_is_ready(
    console: Console, host: str, port: int, processes: dict[str, subprocess.Popen[bytes]]
) -> None:
    from coding.models import Chart
    from coding.workflow import ChartStatus

    with console.status("Starting the web server and the worker; reading the first chart"):
        while not (answers(host, port) and Chart.objects.exclude(status=ChartStatus.IMPORTED).exists()):
            check_alive(processes)
            time.sleep(0.25)


def answers(host: str, port: int) -> bool:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    with contextlib.suppress(OSError), socket.create_connection((reachable, port), timeout=1):
        return True
    return False


def show_progress(console: Console, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    columns = (SpinnerColumn(), TextColumn("Analysing notes"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        finished, total = runs()
        task = progress.add_task("notes", total=total, completed=finished)
        while finished < total:
            check_alive(processes)
            time.sleep(0.5)
            finished, total = runs()
            progress.update(task, completed=finished, total=total)


def welcome(host: str, port: int, people: list[tuple[str, str, str]]) -> str:
    shown_host = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104
    lines = ["", f"  Secondpass is ready: http://{shown_host}:{port}/", ""]
    lines += [
        f"  {role:<12} {name:<11} {password}" for role, name, password in [("Role", "User name", "Password"), *people]
    ]
    return "\n".join([*lines, ""])
