"""The demo as a newcomer meets it: one command, a real worker on the embedded broker, four log-ins that work.

Static files are collected and hashed here, as they are for people: the other browser tests serve them plain.
"""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import CHROMIUM
from tests.services.conftest import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(var: Path, port: int) -> Iterator[Path]:
    """The running demo; yields the file that its output goes to."""
    output = var / "output.txt"
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=ROOT, env={**environment, "VAR_DIR": str(var)}, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield output
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(output: Path, words: str, seconds: float = 300) -> str:
    deadline = time.monotonic() + seconds
    while words not in output.read_text(errors="replace"):
        assert time.monotonic() < deadline, f"the demo did not say {words!r}: {output.read_text()[-2000:]}"
        time.sleep(0.5)
    return output.read_text()


def health(port: int) -> dict[str, object]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def log_in(port: int, name: str, password: str) -> str:
    """The URL on which the person lands."""
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    with browser.open(f"http://127.0.0.1:{port}/", timeout=20) as page:
        url, html = page.url, page.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token is not None
    form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1], "next": "/"}
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), {"Referer": url})
    with browser.open(request, timeout=20) as page:
        return str(page.url)


def test_one_command_runs_the_demo_and_a_second_run_continues(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path, port) as output:
        said = wait_for(output, "Every note is analysed.")
        logins = re.findall(r"^  (?:Coder|QA lead|Manager|Compliance) +(\w+) +(\S+)$", said, re.MULTILINE)
        assert [name for name, _ in logins] == ["coder", "lead", "manager", "officer"]
        landed = {name: log_in(port, name, password) for name, password in logins}
        assert len(set(landed.values())) == 3, "each role begins on its own page"
        first = health(port)
        assert first["status"] == "ok"
        assert first["notes"] == {"queued": 0, "running": 0, "done": 120, "failed": 0}
    with pytest.raises(OSError):
        health(port)

    with demo(tmp_path, port) as output:
        again = wait_for(output, "Every note is analysed.")
        assert re.findall(r"^  (?:Coder|QA lead|Manager|Compliance) +(\w+) +(\S+)$", again, re.MULTILINE) == logins
        assert health(port)["notes"] == first["notes"]

    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "log").glob("*.log"))
    assert "analysed note=" in logs
    assert "Oldenkamp" not in logs  # a member of the demo
    assert "furosemide" not in logs


def test_a_busy_port_is_a_clear_message(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=ROOT, env={**os.environ, "VAR_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert f"PORT={port + 1}" in done.stderr
    assert "Traceback" not in done.stderr


def by_keyboard(browser: Browser, port: int, name: str, password: str) -> Page:
    """A page of the person's own browser, logged in without the mouse. A script error fails the test."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.goto(f"http://127.0.0.1:{port}/")
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/log-in/" not in url)
    return page


def answer_everything(page: Page) -> int:
    """Follow each question with the key of its first answer (keep, accept, agree); returns the number of keys."""
    words = page.locator("#progress-words")
    expect(words).to_be_visible()
    keys = 0
    while not page.locator("#finish-button:not([aria-disabled=true])").count():
        key = page.locator(".card.current [data-command] kbd").first.text_content()
        before = page.locator("#content").inner_text()
        page.keyboard.press(str(key).lower())
        keys += 1
        page.wait_for_function("before => document.querySelector('#content').innerText !== before", arg=before)
        page.wait_for_load_state("networkidle")
        assert keys < 60, "the questions do not come to an end"
    return keys


@pytest.mark.browser
@pytest.mark.skipif(
    not CHROMIUM.exists() and not os.environ.get("TEST_REQUIRE_ALL"),
    reason=f"{CHROMIUM} is absent: apt-get install chromium",
)
def test_three_people_take_a_chart_from_queue_to_report_by_keyboard(tmp_path: Path, browser: Browser) -> None:
    port = free_port()
    with demo(tmp_path, port) as output:
        said = wait_for(output, "Every note is analysed.")
        passwords = dict(re.findall(r"^  (?:Coder|QA lead|Manager|Compliance) +(\w+) +(\S+)$", said, re.MULTILINE))

        coder = by_keyboard(browser, port, "coder", passwords["coder"])
        coder.keyboard.press("n")
        coder.wait_for_url("**/charts/1/")
        expect(coder.get_by_role("dialog", name="Tour of this page")).to_be_visible()
        coder.keyboard.press("Escape")
        coder.keyboard.press("j")
        assert answer_everything(coder) >= 4
        coder.keyboard.press("s")
        coder.wait_for_url("**/queue/")

        lead = by_keyboard(browser, port, "lead", passwords["lead"])
        lead.get_by_label("Per cent of the waiting charts").fill("100")
        lead.keyboard.press("Enter")
        lead.wait_for_url("**/qa/samples/1/")
        lead.goto(f"http://127.0.0.1:{port}/qa/charts/1/")
        assert "Casey Coder" not in lead.content(), "the audit is blind"
        lead.keyboard.press("j")
        answer_everything(lead)
        assert "Casey Coder" in lead.content()
        lead.keyboard.press("s")
        lead.wait_for_url("**/qa/samples/1/")

        manager = by_keyboard(browser, port, "manager", passwords["manager"])
        report = manager.locator("#content").inner_text()
        assert re.search(r"Charts finished\s+1\b", report)
        assert re.search(r"Additions\s+[1-9]", report)
        assert "Casey Coder" in report
