"""Reads one PDF from standard input and writes its pages as JSON to standard output. Run as a process of its own by
`coding.intake.pdf`: the reader is C++ that parses what strangers send, and a file that crashes it, or keeps it busy for
ever, must cost nobody else anything. It knows the standard library and pypdfium2, nothing of this project.

{"pages": [{"text", "width", "height", "words": [[start, end, left, top, right, bottom], ...], "unread"}, ...]} or
{"problem": "locked" | "broken" | "empty" | "long"}.
"""

import ctypes
import json
import re
import resource
import sys
from collections.abc import Callable
from typing import Any

UNITS = 10_000  # a page is as wide and as high as this, whatever its size; the top left corner is 0, 0
MEMORY = 4 << 30  # bytes of address space
FEW = 200  # letters: a fax header, a stamp; a page of a picture and no more than these was not read
PICTURE = 0.5  # of the page's area
SAMPLE = 300  # characters of a page of which it is asked whether the font says what they are
UNKNOWN_SHARE = 0.2  # of them: above, the page's letters cannot be told
PARAGRAPH = 0.65  # of a line's height between two lines: above, a paragraph ends
COLUMN = 1.5  # of a line's height between two words: above, they stand in two columns

LINE_HYPHENS = "\x02\ufffe"  # PDFium's signs for the hyphen at the end of a line; no line end follows them
SURROGATE = re.compile("[\ud800-\udfff]")
PIECE = re.compile(f"\\s+|[^\\s{LINE_HYPHENS}]+[{LINE_HYPHENS}]?|[{LINE_HYPHENS}]")
LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
# How a character is written here: what no database holds is left out, and every space is one that rules know.
WRITTEN: dict[int, str | None] = {
    **dict.fromkeys([*range(9), *range(14, 32), *range(0x7F, 0xA0), 0xAD, 0xFEFF, 0xFFFF]),
    **dict.fromkeys([*map(ord, "\t\v\f\u00a0\u2002\u2003\u2007\u2009\u202f\u3000")], " "),
    **{ord(ligature): letters for ligature, letters in LIGATURES.items()},
    ord("\r"): None,
    **dict.fromkeys(map(ord, LINE_HYPHENS), "-"),
}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    most_pages = int(sys.argv[1])
    sys.stdout.write(json.dumps(read(sys.stdin.buffer.read(), most_pages), separators=(",", ":")))


def read(data: bytes, most_pages: int) -> dict[str, Any]:
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        return {"problem": "locked" if locked else "broken"}
    if not len(document):
        return {"problem": "empty"}
    if len(document) > most_pages:
        return {"problem": "long"}
    document.init_forms()
    return {"pages": [read_page(document, number) for number in range(len(document))]}


def read_page(document: Any, number: int) -> dict[str, Any]:
    import pypdfium2
    from pypdfium2 import raw

    try:
        page = document[number]
        if raw.FPDFPage_GetAnnotCount(page):
            # What was filled in, stamped or signed lies over the page; only what is of the page is text.
            # PDFium takes a page without a size of its own, which it inherits, for one of letter size from then on.
            page.set_mediabox(*page.get_bbox())
            raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
            page.close()
            page = document[number]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return {"text": "", "width": 612, "height": 792, "words": [], "unread": "broken"}
    width, height = page.get_size()
    place = placed(raw, page)
    if page.get_rotation() and lies_level(raw, text_page):
        # PDFium takes lines from top to bottom as they are shown; of a page that lies on its side these are columns.
        page.set_rotation(0)
        text_page = page.get_textpage()
    text, words = text_and_words(raw, text_page, place)
    read = {"text": text, "width": round(width), "height": round(height), "words": words}
    return {**read, "unread": why_unread(raw, page, text_page, text)}


# --- Text ----------------------------------------------------------------------------------------------------------

Box = tuple[int, int, int, int]


def placed(raw: Any, page: Any) -> Callable[[float, float, float, float], Box]:
    """From a box in the page's own coordinates to left, top, right, bottom of the page as it is shown."""

    def at(x: float, y: float) -> tuple[int, int]:
        left, top = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, UNITS * 100, UNITS * 100, 0, x, y, left, top)
        return left.value, top.value

    (x0, y0), (x1, y1), (x2, y2) = at(0, 0), at(1000, 0), at(0, 1000)
    ax, bx, ay, by = (x1 - x0) / 1e5, (x2 - x0) / 1e5, (y1 - y0) / 1e5, (y2 - y0) / 1e5

    def place(left: float, bottom: float, right: float, top: float) -> Box:
        xs = sorted((x0 / 100 + ax * left + bx * bottom, x0 / 100 + ax * right + bx * top))
        ys = sorted((y0 / 100 + ay * left + by * bottom, y0 / 100 + ay * right + by * top))
        return round(xs[0]), round(ys[0]), round(xs[1]), round(ys[1])

    return place


def lies_level(raw: Any, text_page: Any) -> bool:
    """Whether most of the page's text is written level in the page's own coordinates."""
    count = raw.FPDFText_CountChars(text_page)
    asked = range(0, count, max(1, count // SAMPLE))
    level = sum(abs(raw.FPDFText_GetCharAngle(text_page, index)) < 0.1 for index in asked)
    return 2 * level > len(asked)


def characters(raw: Any, text_page: Any) -> str:
    """One character for each of PDFium's, so that places agree; NUL for one that is none."""
    count = raw.FPDFText_CountChars(text_page)
    units = (ctypes.c_ushort * (count + 1))()
    raw.FPDFText_GetText(text_page, 0, count, units)
    text = bytes(units).decode("utf-16-le", "surrogatepass").rstrip("\0")
    if len(text) == count and not SURROGATE.search(text):
        return text
    # It leaves out what the fonts do not say: then each character is asked for, which takes five times as long.
    found: list[str] = []
    high = 0
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if 0xDC00 <= code < 0xE000 and high:
            found[-1], code = chr(0x10000 + ((high - 0xD800) << 10) + code - 0xDC00), 0
        high = code if 0xD800 <= code < 0xDC00 else 0
        found.append("\0" if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code))
    return "".join(found)


def text_and_words(raw: Any, text_page: Any, place: Callable[..., Box]) -> tuple[str, list[list[int]]]:
    """The page's text, line by line, an empty line where a paragraph ends; and where each of its words stands."""
    rectangle = raw.FS_RECTF()
    parts: list[str] = []
    words: list[list[int]] = []
    length = 0
    last: Box | None = None  # of the word before
    gap = ""  # between it and this one
    for piece in PIECE.finditer(characters(raw, text_page)):
        word = piece[0].translate(WRITTEN)
        if not word:
            continue
        if word.isspace():
            gap += word
            continue
        boxes = []
        for index in {piece.start(), piece.end() - 1}:
            if raw.FPDFText_GetLooseCharBox(text_page, index, rectangle):
                boxes.append((rectangle.left, rectangle.bottom, rectangle.right, rectangle.top))
        box = None
        if boxes:
            lefts, bottoms, rights, tops = zip(*boxes, strict=True)
            box = place(min(lefts), min(bottoms), max(rights), max(tops))
        if parts:
            gap = between(gap, last, box)
            parts.append(gap)
            length += len(gap)
        if box:
            words.append([length, length + len(word), *box])
        parts.append(word)
        length += len(word)
        last = box or last
        gap = "\n" if piece[0][-1] in LINE_HYPHENS else ""
    return "".join(parts), words


def between(gap: str, last: Box | None, box: Box | None) -> str:
    """What stands between two words: the end of a paragraph or of a line, the gap of two columns, a space."""
    if "\n" in gap:
        apart = last and box and box[1] - last[3] > PARAGRAPH * (box[3] - box[1])
        return "\n\n" if apart or gap.count("\n") > 1 else "\n"
    if not gap:
        return ""
    return "   " if last and box and box[0] - last[2] > COLUMN * (box[3] - box[1]) else " "


# --- What was not read ---------------------------------------------------------------------------------------------


def why_unread(raw: Any, page: Any, text_page: Any, text: str) -> str:
    """ "" for a page that was read, or is blank; else why its text is not what a person sees on it."""
    letters = sum(not character.isspace() for character in text)
    if letters and unknown_share(raw, text_page) > UNKNOWN_SHARE:
        return "letters"
    if letters >= FEW:
        return ""
    if picture_share(raw, page) >= PICTURE:
        return "picture"
    return "picture" if not letters and raw.FPDFPage_CountObjects(page) else ""


def unknown_share(raw: Any, text_page: Any) -> float:
    """The share of the page's characters of which its fonts do not say what they are."""
    count = raw.FPDFText_CountChars(text_page)
    asked = range(0, count, max(1, count // SAMPLE))
    unknown = 0
    for index in asked:
        code = raw.FPDFText_GetUnicode(text_page, index)
        private = 0xE000 <= code < 0xF900 or code == 0xFFFD or 0 < code < 9
        unknown += bool(private and code != 2) or raw.FPDFText_HasUnicodeMapError(text_page, index) == 1
    return unknown / len(asked)


def picture_share(raw: Any, page: Any) -> float:
    """How much of the page pictures cover, counted once for each: a scan is one that covers it all, or many strips."""
    left, bottom, right, top = page.get_bbox()
    covered = 0.0
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=5):
        box = picture.get_bounds()
        wide = min(box[2], right) - max(box[0], left)
        high = min(box[3], top) - max(box[1], bottom)
        covered += max(0, wide) * max(0, high)
    return covered / max(1, (right - left) * (top - bottom))


if __name__ == "__main__":
    main()
