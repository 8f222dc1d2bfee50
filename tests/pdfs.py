"""PDFs as charts have them. A page is the text of its lines, or one of the functions below.

data = pdfs.pdf("ASSESSMENT\nCKD stage 3b.", pdfs.scan("Cannot be read by a rule."))
"""

import base64
from collections.abc import Callable
from typing import Any

from fpdf import FPDF
from PIL import Image, ImageDraw

Page = str | Callable[[FPDF], None]


def pdf(*pages: Page, password: str | None = None, owner: str = "", size: str = "letter") -> bytes:
    """password: to open it; owner: to change it, and none to open it."""
    document = FPDF(format=size, unit="pt")
    document.set_auto_page_break(False)
    for page in pages:
        document.add_page()
        document.set_font("helvetica", size=11)
        if callable(page):
            page(document)
        else:
            document.multi_cell(0, 14, page)
    if password or owner:
        document.set_encryption(owner_password=owner or "owner", user_password=password)
    return bytes(document.output())


def scan(words: str, stamp: str = "", share: float = 1.0) -> Callable[[FPDF], None]:
    """A picture of words over a share of the page, with or without a line of text over it, as a fax puts it."""

    def page(document: FPDF) -> None:
        picture = Image.new("L", (612, 792), 255)
        ImageDraw.Draw(picture).text((60, 80), words, fill=0)
        document.image(picture, 0, 0, document.w, document.h * share)
        if stamp:
            document.text(40, 20, stamp)

    return page


def blank(document: FPDF) -> None:
    pass


def two_columns(left: str, right: str) -> Callable[[FPDF], None]:
    def page(document: FPDF) -> None:
        for x, text in ((40, left), (330, right)):
            document.set_xy(x, 40)
            document.multi_cell(240, 14, text)

    return page


def table(*rows: tuple[str, ...]) -> Callable[[FPDF], None]:
    def page(document: FPDF) -> None:
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                document.text(40 + 150 * column, 60 + 18 * number, cell)

    return page


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def note(*pages: Page, **fields: Any) -> dict[str, Any]:
    """A note of the chart file that is a PDF."""
    return {"pdf": encoded(pdf(*pages)), **fields}
