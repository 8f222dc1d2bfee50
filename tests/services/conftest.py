"""Real servers: a fresh database and a Redis database for each test, and real worker processes.

They run where TEST_DATABASE_URL (a superuser's, to create databases) and TEST_REDIS_URL point; otherwise they are
skipped with that reason, or fail when TEST_REQUIRE_ALL is set.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.browser.conftest import browser_type_launch_args  # noqa: F401  (the same Chromium)

ROOT = Path(__file__).resolve().parents[2]


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        message = f"{name} is not set: no server to test against"
        if os.environ.get("TEST_REQUIRE_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    return value


@dataclass
class Installation:
    """One database, one broker, one var directory, and the processes that a test starts on them."""

    database_url: str
    redis_url: str
    var: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "VAR_DIR": str(self.var),
            "SECRET_KEY": "only for this test",
            **self.extra,
        }

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, f"manage.py {arguments[0]}: {done.stderr[-2000:]}"
        return done

    def worker(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.var / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "DEBUG",
                 "--hostname", f"{name}@test", "--concurrency", "1", "--schedule", str(self.var / f"{name}-beat"),
                 *arguments],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL, with all its children: nothing gets a chance to clean up."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def wait(self, what: Callable[[], bool], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                logs = [f"{p.name}: {p.read_text()[-3000:]}" for p in self.var.glob("*.log")]
                pytest.fail("timed out; the logs end with\n" + "\n".join(logs))
            time.sleep(0.1)

    def run_counts(self) -> dict[str, int]:
        return dict(self.rows("SELECT status, count(*) FROM coding_nlprun GROUP BY status"))


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    admin_url, redis_url = required("TEST_DATABASE_URL"), required("TEST_REDIS_URL")
    name = f"secondpass_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    redis.Redis.from_url(redis_url).flushdb()
    installed = Installation(f"{admin_url.rpartition('/')[0]}/{name}", redis_url, tmp_path)
    try:
        installed.manage("migrate", "--verbosity", "0")
        yield installed
    finally:
        for process in installed.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def chart_line(notes: dict[str, str], *, member: str = "M1", project: str = "services") -> str:
    """One chart of the chart file, with one encounter for each note."""
    return json.dumps(
        {
            "project": project,
            "service_year": 2026,
            "member": {"member_id": member, "birth_date": "1953-04-01", "sex": "F"},
            "enrollments": [{"payment_year": 2027, "program": "cms-hcc", "dual": "none", "orec": "0"}],
            "encounters": [
                {
                    "encounter_id": f"{member}-E{number}",
                    "from": f"2026-03-{number:02}",
                    "through": f"2026-03-{number:02}",
                    "setting": "outpatient",
                    "notes": [{"note_id": note_id, "type": "progress", "text": text}],
                    "first_pass_codes": [{"icd10": "E11.9", "source": "claim"}],
                }
                for number, (note_id, text) in enumerate(notes.items(), start=1)
            ],
        }
    )
