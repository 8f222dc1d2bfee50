"""A PDF as a note: its text page by page, where each word stands, and which pages could not be read. Pure.

Scanned pages hold no text, and nothing here reads pictures: such a page is *not read*, and whoever looks at the note is
told so. docs/decisions/0014 says why PDFium reads, and in a process of its own.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from coding.intake.values import DocumentValues, NoteValues, PageValues

MOST_BYTES = 64 << 20
MOST_PAGES = 3000
SECONDS = 120
READER = Path(__file__).with_name("_pdf_reader.py")

PROBLEMS = {
    "locked": "Locked with a password; expected a PDF that opens without one.",
    "broken": "Cannot be opened as a PDF; expected a whole PDF file.",
    "empty": "Has no pages; expected at least one.",
    "long": f"More than {MOST_PAGES} pages; expected no more. Split it by date of service.",
    "large": f"Larger than {MOST_BYTES >> 20} MB; expected no more. Split it by date of service.",
    "slow": f"Took longer than {SECONDS} seconds to read; expected a PDF of plain pages.",
}


class UnreadablePdf(ValueError):
    """The message says what is wrong with the file, and nothing of what it holds."""


def read(data: bytes, note_id: str = "") -> NoteValues:
    """The file as a note: the text of all pages, where each begins in it, and which could not be read.

    Each page's text ends with a line end, so that two pages never begin at one place, read or not.
    Raises UnreadablePdf.
    """
    pages = _pages_of(data)
    offsets, texts, length = [], [], 0
    for page in pages:
        offsets.append(length)
        texts.append(page["text"] + "\n")
        length += len(texts[-1])
    return NoteValues(
        note_id,
        "".join(texts),
        page_offsets=tuple(offsets),
        unread_pages=tuple(number for number, page in enumerate(pages, start=1) if page["unread"]),
        document=DocumentValues(
            data,
            hashlib.sha256(data).hexdigest(),
            tuple(PageValues(page["width"], page["height"], page["words"], page["unread"]) for page in pages),
        ),
    )


def _pages_of(data: bytes) -> list[dict[str, Any]]:
    """What the reader's process says of each page."""
    if len(data) > MOST_BYTES:
        raise UnreadablePdf(PROBLEMS["large"])
    if b"%PDF-" not in data[:1024]:
        raise UnreadablePdf(PROBLEMS["broken"])
    try:
        done = subprocess.run(  # noqa: S603 - our own reader; the file is its input, not its command
            [sys.executable, "-I", str(READER), str(MOST_PAGES)], input=data, capture_output=True, timeout=SECONDS
        )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise UnreadablePdf(PROBLEMS["slow"]) from None
    except ValueError:  # it crashed: what it said of that may quote the file
        raise UnreadablePdf(PROBLEMS["broken"]) from None
    if "problem" in answer:
        raise UnreadablePdf(PROBLEMS[answer["problem"]])
    pages: list[dict[str, Any]] = answer["pages"]
    return pages
