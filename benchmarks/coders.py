"""Many coders at once: python benchmarks/coders.py [--coders 50] [--charts 5000] [--seconds 300] [--kill 20]

Starts the web server as the Dockerfile does, lets coders work over HTTP (log in, get next, answer, undo, hold, take up
again, release, finish), and then compares what each was told with what is stored: no chart held twice, no acknowledged
answer lost, no answer half stored, nobody's own first-pass chart, no error, a whole trail. Prints the requests a second
and how long each kind took, as the coder waits; fails with what it found.

DATABASE_URL names an empty database; without it SQLite in a folder of its own. --kill: end the server with SIGKILL
every so many seconds, and start it again. What was not acknowledged is then sent again, as the page does.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ORIGINALS, STEP = 200, 1_000_000  # so many charts are read; copies have ids a step further on
PROJECT, PASSWORD = "bench", "many coders at once"
ADDS = ["E11.22", "I50.32", "N18.32", "J44.9", "I48.20", "F33.1", "G20.A1", "K70.30", "M05.79", "I69.351"]
CHECKS = ["I10", "E78.5", "E11.9", "F32.A", "I25.10", "M81.0", "K21.9", "G47.33"]
OUTCOMES = {
    "add": [("accept", 7), ("reject", 3)],
    "check": [("keep", 7), ("delete", 2), ("query", 1)],
}
STATUS = {
    "accept": "accepted", "reject": "rejected", "keep": "kept", "delete": "deleted", "query": "queried",
    "change": "changed", "reopen": "open",
}  # fmt: skip
REASON = {"reject": "mention-only", "delete": "not-documented", "query": "clarify-status"}


# --- What there is to do ---------------------------------------------------------------------------------------------


def prepare(coders: int, charts: int, seed: int) -> None:
    """The database, the people and the charts, through the project's own actions; nothing where they are there. Beyond
    ORIGINALS the charts are copies of all of them, with members of their own."""
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    from coding.actions import charts as imports
    from coding.actions import suggestions
    from coding.models import Membership, NlpRun, Project, User
    from config.celery import app
    from tests import make, pages

    app.conf.broker_url = "memory://localhost"
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    if Project.objects.filter(name=PROJECT).exists():
        return
    project = make.project(PROJECT)
    password = make_password(PASSWORD)  # once: it costs a fifth of a second
    people = User.objects.bulk_create(User(username=f"coder{n}", password=password) for n in range(coders))
    Membership.objects.bulk_create(Membership(project=project, user=one, role="coder") for one in people)

    chance = random.Random(seed)
    answers: dict[str, dict] = {}
    lines = []
    for number in range(min(charts, ORIGINALS)):
        encounters = []
        for day in ("2026-03-02", "2026-06-15")[: chance.choice((1, 2))]:
            adds, checks = chance.sample(ADDS, chance.choice((1, 2, 3))), chance.sample(CHECKS, chance.choice((1, 2)))
            text = "\n".join(f"{code}: condition {code} is stable on drug-{code}." for code in (*adds, *checks))
            one = pages.day(
                day,
                f"Visit {number}.\n{text}",
                adds={code: {"mention": f"condition {code}", "treat": f"drug-{code}"} for code in adds},
                checks={code: ("supported", f"condition {code}") for code in checks},
            )
            answers[one.text] = one.answer()
            own = people[number % coders].username if number % 3 == 0 else ""
            codes = [make.code(code, coder=own) for code in checks]
            encounters.append(make.encounter(one.text, day, codes=codes))
        lines.append(make.values_of(make.chart_line(*encounters)))
    imports.import_charts(lines, project=project, by=None)
    for run in NlpRun.objects.select_related("note").order_by("pk").iterator():
        begun = suggestions.begin_run(run.note_id)
        assert begun is not None
        suggestions.record_findings(run=begun, answer=answers[run.note.text])
    copy(-(-charts // ORIGINALS) - 1)


def copy(times: int) -> None:
    """All rows of the read charts again, so many times, under other ids."""
    from django.core.management.color import no_style
    from django.db import connection

    from coding import models

    tables = (
        models.Member, models.Enrollment, models.Chart, models.Encounter, models.Note, models.FirstPassCode,
        models.NlpRun, models.Suggestion, models.EvidenceSpan,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for table in tables:
            values = {f'"{one.column}"': f'"{one.column}"' for one in table._meta.concrete_fields}
            for one in table._meta.concrete_fields:
                if one.primary_key or one.related_model in tables:
                    values[f'"{one.column}"'] += f" + {STEP} * %(number)s"
            if table is models.Member:
                values['"member_id"'] = "member_id || '-' || %(number)s"
            name = table._meta.db_table
            for number in range(1, times + 1):
                chosen = ", ".join(values.values()) % {"number": number}
                cursor.execute(
                    f"INSERT INTO {name} ({', '.join(values)}) SELECT {chosen} FROM {name} WHERE id < {STEP}"
                )
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)


# --- The server ------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    port: int
    log: Path
    workers: int
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0

    def start(self) -> None:
        command = [
            sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--workers",
            str(self.workers), "--threads", "8", "--preload", "--no-control-socket",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"The server does not answer:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Nothing gets a chance to clean up."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1


@contextmanager
def running(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        if server.process and server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGTERM)
            try:
                server.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(server.process.pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- A coder ---------------------------------------------------------------------------------------------------------


class Stop(Exception):
    """The time is over, or there is nothing left to do."""


@dataclass
class Answer:
    """What the server said: status, address to go on to, body."""

    status: int
    location: str
    body: str


@dataclass
class Coder:
    """One person with a browser. acknowledged: by suggestion, the outcomes that the server said were stored; unsure:
    sent, and the server fell silent before it said anything."""

    name: str
    port: int
    until: float
    seed: int
    patient: bool  # the server is killed now and then: wait for it, and send again
    pause: float
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    claimed: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    on_hold: list[int] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)  # of the chart that is open
    problems: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    connection: http.client.HTTPConnection | None = None
    sent_again: int = 0

    # --- Requests

    def ask(self, what: str, path: str, form: dict | list | None = None, *, htmx: bool = False) -> Answer:
        """One request, sent again while the server does not answer."""
        while True:
            if self.pause:
                self.connection = None  # the server would close it meanwhile, and a browser open another
                time.sleep(self.chance.uniform(0, 2 * self.pause))
            started = time.monotonic()
            try:
                answer = self.once(path, form, htmx=htmx)
            except (OSError, http.client.HTTPException) as error:
                self.connection = None
                if not self.patient:
                    raise
                if time.monotonic() > self.until + 60:
                    raise Stop from error
                self.sent_again += 1
                time.sleep(0.2)
                continue
            self.times[what].append(time.monotonic() - started)
            if answer.status >= 500 or answer.status in (400, 401, 403, 404):
                self.problems.append(f"{self.name}: {what} {path}: {answer.status}")
            return answer

    def once(self, path: str, form: dict | list | None, *, htmx: bool) -> Answer:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if htmx:
            headers["HX-Request"] = "true"
        body = None
        if form is not None:
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-CSRFToken": self.cookies.get("csrftoken", ""),
            }
            body = urlencode(form)
        self.connection.request("GET" if form is None else "POST", path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        for name, value in response.getheaders():
            if name == "Set-Cookie":
                cookie, _, worth = value.partition(";")[0].partition("=")
                self.cookies[cookie] = worth
        return Answer(response.status, response.headers.get("Location", ""), text)

    # --- A day's work

    def work(self) -> None:
        self.chance = random.Random(self.seed)
        try:
            self.ask("log-in page", "/log-in/")
            said = self.ask("log in", "/log-in/", {"username": self.name, "password": PASSWORD})
            if said.status != 302:
                self.problems.append(f"{self.name}: log in: {said.status}")
                return
            while True:
                self.chart(self.next())
        except Stop:
            pass
        except Exception as error:
            self.problems.append(f"{self.name}: {type(error).__name__}: {error}")

    def check_time(self) -> None:
        if time.monotonic() > self.until:
            raise Stop

    def next(self) -> int:
        """A chart to work on: one that was on hold, or the next of the queue."""
        self.check_time()
        self.ask("queue", f"/queue/?project={PROJECT}")
        if self.on_hold and self.chance.random() < 0.5:
            chart = self.on_hold.pop(0)
            self.ask("take up again", f"/charts/{chart}/resume/", {})
            return chart
        said = self.ask("get next", "/queue/next/", {"project": PROJECT})
        found = re.search(r"/charts/(\d+)/", said.location)
        if found is None:
            raise Stop
        chart = int(found[1])
        self.claimed.append(chart)
        return chart

    def chart(self, chart: int) -> None:
        page = self.ask("open chart", f"/charts/{chart}/").body
        newest = self.newest(page) or "0"
        cards = self.cards(page)
        self.notes = set(re.findall(r'data-note="(\d+)"', page))
        for number, (kind, ids) in enumerate(cards):
            self.check_time()
            if self.chance.random() < 0.02:
                self.ask("here", f"/charts/{chart}/here/", {})
            newest = self.answer(chart, kind, ids, newest)
            if self.chance.random() < 0.1:
                newest = self.undo(chart, ids) or newest
                newest = self.answer(chart, kind, ids, newest)
            if number == len(cards) // 2 and self.chance.random() < 0.1:
                if self.chance.random() < 0.7:
                    self.ask("hold", f"/charts/{chart}/hold/", {"reason": "Question for the lead"})
                    self.on_hold.append(chart)
                else:
                    self.ask("release", f"/charts/{chart}/release/", {})
                return
        self.ask("finish", f"/charts/{chart}/finish/", {})
        self.finished.append(chart)

    @staticmethod
    def newest(page: str) -> str:
        found = re.search(r'id="seen" value="(\d+)"', page)
        return found[1] if found else ""

    @staticmethod
    def cards(page: str) -> list[tuple[str, list[int]]]:
        """(kind, ids of its suggestions) of each card that is open."""
        found = []
        for card in page.split('<article class="card')[1:]:
            head = card.partition(">")[0]
            if not head.startswith(" answered"):
                kind = re.search(r'data-kind="(\w+)"', head)
                assert kind is not None
                found.append((kind[1], sorted({int(pk) for pk in re.findall(r'name="s" value="(\d+)"', card)})))
        return found

    def answer(self, chart: int, kind: str, ids: list[int], newest: str) -> str:
        outcomes, weights = zip(*OUTCOMES[kind], strict=True)
        (outcome,) = self.chance.choices(outcomes, weights)
        form: list[tuple[str, object]] = [("s", pk) for pk in ids]
        form += [("outcome", outcome), ("seen", newest), ("icd10", ""), ("comment", "")]
        if outcome in REASON:
            form += [("panel", "1"), ("reason", REASON[outcome])]
        if outcome == "delete":
            form += [("reads", "1"), *(("read", pk) for pk in self.notes)]
        before = self.sent_again
        said = self.ask("answer", f"/charts/{chart}/answer/", form, htmx=True)
        if said.status == 200:
            self.told(ids, outcome)
        else:
            self.problems.append(f"{self.name}: answer on chart {chart}: {said.status}")
        if self.sent_again > before:
            for pk in ids:
                self.unsure[pk].append(outcome)
        return self.newest(said.body) or newest

    def undo(self, chart: int, ids: list[int]) -> str:
        before = self.sent_again
        said = self.ask("undo", f"/charts/{chart}/undo/", [("s", pk) for pk in ids], htmx=True)
        if said.status in (200, 302):  # 302: nothing to take back, where an undo was sent again
            self.told(ids, "reopen")
        if self.sent_again > before:
            for pk in ids:
                self.unsure[pk].append("reopen")
        return self.newest(said.body)

    def told(self, ids: list[int], outcome: str) -> None:
        for pk in ids:
            self.acknowledged[pk].append(outcome)


# --- What is stored --------------------------------------------------------------------------------------------------


def differences(coders: list[Coder]) -> list[str]:
    """Where the database says something else than the coders were told."""
    from django.db.models import F

    from coding.actions import trail
    from coding.models import Assignment, Chart, Decision, FirstPassCode, Project, Suggestion, TrailEvent

    found = [problem for coder in coders for problem in coder.problems]
    project = Project.objects.get(name=PROJECT)

    # Each turn at a chart ends before the next one begins.
    turns: dict[int, list] = defaultdict(list)
    for turn in Assignment.objects.select_related("coder").order_by("claimed_at"):
        turns[turn.chart_id].append(turn)
    for chart, of_chart in turns.items():
        for one, following in pairwise(of_chart):
            if one.released_at is None or one.released_at > following.claimed_at:
                found.append(f"chart {chart} was held by {one.coder.username} and {following.coder.username} at once")
    held = Counter((turn.coder.username, chart) for chart, of_chart in turns.items() for turn in of_chart)
    given = Counter((coder.name, chart) for coder in coders for chart in coder.claimed)
    for (name, chart), times in (given - held).items():
        found.append(f"{name} was given chart {chart}, and {times} turn is not stored")
    own = FirstPassCode.objects.filter(encounter__chart__assignments__coder__username=F("coder"))
    found += [f"chart {code.encounter.chart_id} went to its first coder" for code in own.select_related("encounter")]

    # Every acknowledged answer is there, in its order; besides it only what was on its way when the server was killed.
    stored: dict[int, list[str]] = defaultdict(list)
    for suggestion, outcome in Decision.objects.order_by("pk").values_list("suggestion", "outcome"):
        stored[suggestion].append(outcome)
    acknowledged: dict[int, list[str]] = defaultdict(list)
    unsure: Counter[int] = Counter()
    for coder in coders:
        for pk, outcomes in coder.acknowledged.items():
            acknowledged[pk] += outcomes
        for pk, outcomes in coder.unsure.items():
            unsure[pk] += len(outcomes)
    for pk in {*stored, *acknowledged}:
        told, there = acknowledged.get(pk, []), stored.get(pk, [])
        if not same(told, there, unsure[pk]):
            found.append(f"suggestion {pk}: acknowledged {told}, stored {there}")

    # Nothing half done.
    statuses = dict(Suggestion.objects.values_list("pk", "status"))
    for pk, outcomes in stored.items():
        if statuses[pk] != STATUS[outcomes[-1]]:
            found.append(f"suggestion {pk} is {statuses[pk]} after {outcomes}")
    for name in ("suggestion.decided", "suggestion.reopened"):
        events = TrailEvent.objects.filter(action=name).count()
        reopened = name == "suggestion.reopened"
        rows = sum((outcome == "reopen") == reopened for outcomes in stored.values() for outcome in outcomes)
        if events != rows:
            found.append(f"{rows} decisions, and {events} events {name}")
    done = {chart for coder in coders for chart in coder.finished}
    coded = set(Chart.objects.filter(status="coded").values_list("pk", flat=True))
    found += [f"chart {chart} was finished, and is not" for chart in sorted(done - coded)]
    open_on = Suggestion.objects.filter(chart__in=coded, status="open").values_list("chart", flat=True)
    found += [f"chart {chart} is coded with an open question" for chart in set(open_on)]
    without = Chart.objects.filter(status="in_review").exclude(assignments__released_at=None)
    found += [f"chart {chart.pk} is in review, and nobody holds it" for chart in without]
    found += [f"trail: {broken.what}" for broken in trail.verify(trail.chain_of(project))]
    return found


def same(acknowledged: list[str], stored: list[str], unsure: int) -> bool:
    """Whether the stored answers are those that were acknowledged. unsure: how many were sent more than once; of those
    an undo that found nothing left to take back was acknowledged without a row."""
    if not unsure:
        return acknowledged == stored
    return [one for one in acknowledged if one != "reopen"] == [one for one in stored if one != "reopen"]


def deadlocks() -> int | None:
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


# --- All of it -------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coders", type=int, default=20)
    parser.add_argument("--charts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--workers", type=int, default=2, help="processes of the web server, with 8 threads each")
    parser.add_argument("--pause", type=float, default=0, help="seconds between a coder's requests, on average")
    parser.add_argument("--kill", type=float, default=0, help="end the server with SIGKILL every so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="secondpass-benchmark-") as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["VAR_DIR"] = folder
        os.environ.setdefault("SECRET_KEY", "only for this benchmark")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/benchmark.sqlite3")
        started = time.monotonic()
        prepare(given.coders, given.charts, given.seed)
        print(f"{given.charts} charts prepared in {time.monotonic() - started:.0f} s", flush=True)
        server = Server(free_port(), Path(folder) / "web.log", given.workers)
        with running(server):
            coders = let_work(server, given)
        log = server.log.read_text()
        found = differences(coders)
        report(coders, server, given)
        found += [f"the server's log: {line}" for line in log.splitlines() if "Traceback" in line or "Error" in line]
        if stopped := deadlocks():
            found.append(f"the database ended {stopped} transactions for a deadlock")
    for problem in found[:40]:
        print("PROBLEM", problem)
    print(f"{len(found)} problems" if found else "every answer is there, no chart was held twice, no error")
    raise SystemExit(bool(found))


def let_work(server: Server, given: argparse.Namespace) -> list[Coder]:
    until = time.monotonic() + given.seconds
    coders = [
        Coder(f"coder{n}", server.port, until, given.seed * 1000 + n, bool(given.kill), given.pause)
        for n in range(given.coders)
    ]
    threads = [threading.Thread(target=coder.work) for coder in coders]
    for thread in threads:
        thread.start()
    if given.kill:
        while time.monotonic() + given.kill < until and any(thread.is_alive() for thread in threads):
            time.sleep(given.kill)
            server.kill()
            server.start()
    for thread in threads:
        thread.join()
    return coders


def report(coders: list[Coder], server: Server, given: argparse.Namespace) -> None:
    times: dict[str, list[float]] = defaultdict(list)
    for coder in coders:
        for what, taken in coder.times.items():
            times[what] += taken
    total = sum(len(taken) for taken in times.values())
    answers = sum(len(outcomes) for coder in coders for outcomes in coder.acknowledged.values())
    print(
        f"{given.coders} coders, {given.seconds:.0f} s, {total} requests ({total / given.seconds:.1f} a second), "
        f"{sum(len(coder.claimed) for coder in coders)} charts taken, "
        f"{sum(len(coder.finished) for coder in coders)} finished, {answers} answers acknowledged"
    )
    if given.kill:
        print(f"{server.kills} kills, {sum(coder.sent_again for coder in coders)} requests sent again")
    for what, taken in sorted(times.items(), key=lambda row: -len(row[1])):
        ms = [one * 1000 for one in taken]
        p95 = quantiles(ms, n=20)[-1] if len(ms) > 1 else ms[0]
        print(f"{what:14} {len(ms):6}  median {median(ms):7.1f}  p95 {p95:7.1f}  slowest {max(ms):7.1f} ms")


if __name__ == "__main__":
    main()
