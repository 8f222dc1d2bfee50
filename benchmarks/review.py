"""Server time of a coder's work: python benchmarks/review.py [-n TIMES]

Opens a chart with 20 notes and 60 suggestions, answers its questions, opens a chart of 500 pages and searches codes,
through the whole stack (session, permissions, trail, scores, template) on a database of its own. SQLite, unless
DATABASE_URL names a server; then in a test database of that server. Prints the median, the 95th percentile and the
slowest of each, in milliseconds, beside what the project promises.
"""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NOTES, PAGES, LINES_A_PAGE = 20, 500, 45
# Two additions and a first-pass code a note. The additions have payment HCCs of many families, so that the deltas meet
# hierarchies, interactions and counts.
ADDS = """
E11.22 E11.42 E11.51 I50.32 I50.22 N18.32 N18.4 J44.9 J44.1 I48.20 I48.91 F33.1 F33.2 G20.A1 C50.911 C61 I70.25 K70.30
K50.90 M05.79 G35.D E66.01 I69.351 F20.9 F31.9 G40.909 I26.99 B20 L89.154 Z89.511 K86.1 D57.1 I27.20 I42.0 N18.6 E11.65
C34.90 I71.40 F10.20 M32.10
"""
CHECKS = """
I10 E78.5 E11.9 F32.A I25.10 M81.0 K21.9 G47.33 E03.9 J45.909 H40.9 N40.0 M17.0 E55.9 D64.9 R05.9 R53.83 M54.50 F41.9
K59.00
"""
TYPED = (
    "diabetes ckd", "e112", "chf", "heart failure diastolic", "i50", "copd exac", "neuropathy", "afib", "stroke left",
    "pressure ulcer sacral",
)  # fmt: skip
PARAGRAPH = (
    "ASSESSMENT AND PLAN\n{code}: condition {code} is stable on drug-{code}, seen today with lab-{code}; plan-{code}. "
    "The patient reports no new complaint and agrees to the plan as discussed. " * 6
)


def database() -> None:
    import django
    from django.core.management import call_command
    from django.test.runner import DiscoverRunner

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    folder = tempfile.TemporaryDirectory(prefix="secondpass-benchmark-")
    os.environ["VAR_DIR"] = folder.name
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder.name}/benchmark.sqlite3"
        django.setup()
        call_command("migrate", verbosity=0)
    else:
        django.setup()
        runner = DiscoverRunner(verbosity=0, interactive=False)
        old = runner.setup_databases()
        atexit.register(runner.teardown_databases, old)
    call_command("collectstatic", verbosity=0, interactive=False)
    database.folder = folder  # type: ignore[attr-defined]  # lives as long as the process


def big_chart(project, coder):
    from tests import pages

    days, additions, existing = [], ADDS.split(), CHECKS.split()
    for number in range(NOTES):
        adds, checks = additions[2 * number : 2 * number + 2], existing[number : number + 1]
        own = adds + checks
        text = "\n\n".join(PARAGRAPH.format(code=code) for code in own)
        days.append(
            pages.day(
                f"2026-{1 + number // 2:02}-{3 + number % 2 * 14:02}",
                text,
                adds={
                    code: {
                        "mention": f"condition {code}",
                        "evaluate": f"lab-{code}",
                        "assess": f"plan-{code}",
                        "treat": f"drug-{code}",
                    }
                    for code in adds
                },
                checks={code: ("supported", f"condition {code}") for code in checks},
                suppressed={f"{code} is stable": "historical" for code in own},
            )
        )
    return pages.held_chart(project, coder, *days)


def long_chart(project, coder):
    from tests import pages

    line = "Reviewed and unchanged since the last visit; the patient has no complaint about it at present.\n"
    mark = f"CKD stage 3b, stable on losartan on page {PAGES}."
    text = (line * LINES_A_PAGE) * (PAGES - 1) + mark
    return pages.held_chart(
        project, coder, pages.day(text=text, adds={"N18.32": {"mention": "CKD stage 3b", "treat": "losartan"}})
    )


@dataclass
class Times:
    """Milliseconds of each request: on the clock, as the person waits, and of the processor, whatever else ran."""

    name: str
    promised: int
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def of(self, work: Callable[[], object]) -> None:
        clock, processor = time.perf_counter(), time.process_time()
        work()
        self.processor.append((time.process_time() - processor) * 1000)
        self.clock.append((time.perf_counter() - clock) * 1000)

    @property
    def kept(self) -> bool:
        return quantiles(self.clock, n=20)[-1] < self.promised

    def __str__(self) -> str:
        def figures(times: list[float]) -> str:
            return f"median {median(times):6.1f}  p95 {quantiles(times, n=20)[-1]:6.1f}"

        promise = f"(promised {self.promised}{'' if self.kept else ', missed'})"
        return f"{self.name:28} {figures(self.clock)}   processor {figures(self.processor)} ms  {promise}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--times", type=int, default=40)
    parser.add_argument("--profile", action="store_true", help="profile the page and one answer instead")
    given = parser.parse_args()
    database()

    from django.test import Client

    from coding.models import Decision, Role
    from coding.warm import warm
    from tests import make

    warm()  # as config/wsgi.py does
    project = make.project("bench", programs=["cms-hcc"])
    coder = make.person(Role.CODER, project)
    chart = big_chart(project, coder)
    desk = Client(SERVER_NAME="localhost")
    desk.force_login(coder)
    page, htmx = f"/charts/{chart.pk}/", {"HX-Request": "true"}
    asked = list(chart.suggestions.live().order_by("pk"))

    def open_page(url: str) -> None:
        response = desk.get(url)
        assert response.status_code == 200, response.status_code
        assert len(response.content) > 10_000

    def answer(one) -> None:
        outcome = "accept" if one.kind == "add" else "keep"
        response = desk.post(f"{page}answer/", {"s": one.pk, "outcome": outcome, "seen": newest()}, headers=htmx)
        assert response.status_code == 200, response.content[:500]

    def newest() -> int:
        return Decision.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def undo(one) -> None:
        assert desk.post(f"{page}undo/", {"s": one.pk}, headers=htmx).status_code == 200

    open_page(page)  # templates and tables are read once
    answer(asked[0])
    undo(asked[0])
    if given.profile:
        import cProfile
        import pstats

        for work in (lambda: open_page(page), lambda: answer(asked[0])):
            profile = cProfile.Profile()
            profile.runcall(work)
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)
        return

    print(f"a chart of {NOTES} notes, {chart.suggestions.count()} suggestions; {given.times} times each")
    opened = Times("review page", 150)
    answered = Times("decision, cards and scores", 100)
    long_opened = Times(f"chart of {PAGES} pages", 1000)
    searched = Times("code search, at each key", 100)
    for number in range(given.times):
        one = asked[number % len(asked)]
        opened.of(lambda: open_page(page))
        answered.of(lambda one=one: answer(one))
        undo(one)
    long = long_chart(project, coder)
    open_page(f"/charts/{long.pk}/")
    for _ in range(max(5, given.times // 8)):
        long_opened.of(lambda: open_page(f"/charts/{long.pk}/"))
    for words in TYPED:
        for length in range(2, len(words) + 1):
            searched.of(lambda typed=words[:length]: desk.get("/codes/", {"q": typed}))
    for times in (opened, answered, long_opened, searched):
        print(times)


if __name__ == "__main__":
    main()
