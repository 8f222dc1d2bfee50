"""PDFs as notes: what is read of them and what is not, how they are stored, and who gets their bytes."""

import hashlib
import json
import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from fpdf import FPDF

from coding import comparison
from coding.actions import queues, suggestions
from coding.actions.charts import ImportRefused, add_document, import_chart
from coding.intake import IntakeErrors, chart_file, note_folder, pdf
from coding.models import (
    Chart,
    Document,
    DocumentPage,
    DocumentPart,
    FinishedReview,
    NlpRun,
    Note,
    Role,
    Suggestion,
    TrailEvent,
)  # fmt: skip
from coding.views.documents import wanted
from coding.views.reading import read_chart
from coding.workflow import RunStatus, Verdict
from tests import make, pages, pdfs

NOTE = "ASSESSMENT\nCKD stage 3b, stable on losartan.\nType 2 diabetes, A1c 7.2, on metformin.\n"


def words_of(note, page: int = 1) -> list[str]:
    start = note.page_offsets[page - 1]
    return [note.text[start + word[0] : start + word[1]] for word in note.document.pages[page - 1].words]


# --- Reading -------------------------------------------------------------------------------------------------------


def test_the_text_comes_page_by_page_with_the_place_of_every_word() -> None:
    note = pdf.read(pdfs.pdf(NOTE, "PLAN\nRecheck in three months."))
    assert note.text == f"{NOTE.strip()}\nPLAN\nRecheck in three months.\n"
    assert note.page_offsets == (0, len(NOTE.strip()) + 1)
    assert note.unread_pages == ()
    assert words_of(note) == NOTE.split()
    assert words_of(note, 2) == ["PLAN", "Recheck", "in", "three", "months."]
    page = note.document.pages[0]
    assert (page.width, page.height) == (612, 792)
    ckd, stage = page.words[1], page.words[2]
    assert 400 < ckd[2] < ckd[4] < stage[2] < 1500  # from the left, in ten thousandths
    assert ckd[3] == stage[3]
    assert 300 < ckd[3] < ckd[5] < 800  # from the top


def test_each_page_begins_at_a_place_of_its_own_read_or_not() -> None:
    note = pdf.read(pdfs.pdf(pdfs.scan("a"), pdfs.scan("b"), "Text.", pdfs.blank))
    assert note.page_offsets == (0, 1, 2, 8)
    assert note.text == "\n\nText.\n\n"


@pytest.mark.parametrize(
    ("page", "unread"),
    [
        (pdfs.scan("CKD stage 3b"), "picture"),
        (pdfs.scan("CKD stage 3b", stamp="FAX 03/02/2026 10:22 PAGE 2"), "picture"),
        (pdfs.scan("A letterhead", share=0.2), "picture"),  # a picture, and no text at all
        (pdfs.scan("A letterhead", share=0.2, stamp=" ".join(["Seen and examined today."] * 9)), ""),
        (pdfs.blank, ""),  # the back of a sheet: there is nothing to read
        ("Short.", ""),
    ],
)
def test_a_page_that_shows_more_than_its_text_says_is_not_read(page, unread) -> None:
    assert pdf.read(pdfs.pdf(page)).document.pages[0].unread == unread


def test_a_scan_with_the_text_of_a_recognition_behind_it_is_read() -> None:
    def recognised(document: FPDF) -> None:
        pdfs.scan("CKD stage 3b")(document)
        document.set_xy(40, 60)
        document.multi_cell(0, 14, "CKD stage 3b, stable on losartan. " * 8)

    note = pdf.read(pdfs.pdf(recognised))
    assert note.unread_pages == ()
    assert note.text.count("CKD") == 8


def test_columns_are_read_one_after_the_other_and_rows_of_a_table_together() -> None:
    note = pdf.read(
        pdfs.pdf(
            pdfs.two_columns("CKD stage 3b is stable\non losartan.", "Diabetes is followed\nby endocrinology."),
            pdfs.table(("Test", "Result", "Unit"), ("eGFR", "38", "mL/min")),
        )
    )
    assert note.text.split("\n")[:2] == ["CKD stage 3b is stable", "on losartan."]
    assert "Diabetes is followed\nby endocrinology." in note.text
    assert note.text.endswith("Test   Result   Unit\neGFR   38   mL/min\n")


def test_a_gap_between_lines_ends_a_paragraph_and_a_hyphen_at_the_end_of_a_line_stays() -> None:
    assert (
        pdf.read(pdfs.pdf("PLAN\n\nLong standing hyper-\ntension.")).text == "PLAN\n\nLong standing hyper-\ntension.\n"
    )


def test_a_turned_page_has_its_words_where_they_are_shown() -> None:
    upright = pdf.read(pdfs.pdf(NOTE)).document.pages[0]
    turned = pdf.read(turned_by(90, pdfs.pdf(NOTE))).document.pages[0]
    assert (turned.width, turned.height) == (upright.height, upright.width)
    left, top, right, bottom = upright.words[1][2:]
    for found, expected in zip(turned.words[1][2:], (10_000 - bottom, left, 10_000 - top, right), strict=True):
        assert abs(found - expected) <= 2


def turned_by(degrees: int, data: bytes) -> bytes:
    return data.replace(b"/Type /Page\n", b"/Type /Page\n/Rotate %d\n" % degrees)


def test_what_was_filled_in_or_signed_over_the_page_is_text_and_the_page_keeps_its_size() -> None:
    note = pdf.read(signed_form())
    assert note.text == "Signature:\n\nSigned by Otto Brand MD\n"
    assert (note.document.pages[0].width, note.document.pages[0].height) == (595, 842)


def signed_form() -> bytes:
    """A page of A4, a size that it has from the whole document, with a filled field over it."""
    shown = b"BT /F1 12 Tf 2 5 Td (Signed by Otto Brand MD) Tj ET"
    content = b"BT /F1 12 Tf 60 760 Td (Signature:) Tj ET"
    font = b"<</F1 <</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm <</Fields [5 0 R]>>>>",
        b"<</Type/Pages/Kids [3 0 R]/Count 1/MediaBox [0 0 595 842]/Resources <</Font %b>>>>" % font,
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Annots [5 0 R]>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(s)/V(x)/F 4/Rect [60 700 300 720]/P 3 0 R/AP <</N 6 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox [0 0 240 20]/Resources <</Font %b>>/Length %d>>stream\n%b\nendstream"
        % (font, len(shown), shown),
    ]
    body = b"%PDF-1.7\n" + b"".join(b"%d 0 obj%b endobj\n" % (n, one) for n, one in enumerate(objects, start=1))
    return body + b"trailer <</Root 1 0 R>>\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Cannot be opened as a PDF"),
        (b"not a PDF, but text", "Cannot be opened as a PDF"),
        (b"%PDF-1.7\n" + bytes(2000), "Cannot be opened as a PDF"),
        (pdfs.pdf("Secret.", password="open sesame"), "Locked with a password"),
        (b"%PDF-1.7" + bytes(pdf.MOST_BYTES), "Larger than 64 MB"),
    ],
    ids=["empty", "text", "broken", "locked", "large"],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(data, said) -> None:
    with pytest.raises(pdf.UnreadablePdf, match=said):
        pdf.read(data)


def test_a_file_that_only_its_owner_may_change_is_read() -> None:
    assert "CKD" in pdf.read(pdfs.pdf(NOTE, owner="secret")).text


def test_too_many_pages_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(pdf, "MOST_PAGES", 2)
    with pytest.raises(pdf.UnreadablePdf, match="pages; expected no more"):
        pdf.read(pdfs.pdf("1", "2", "3"))


def test_a_reader_that_hangs_or_crashes_is_an_answer_too(monkeypatch, tmp_path) -> None:
    reader = tmp_path / "reader.py"
    monkeypatch.setattr(pdf, "READER", reader)
    reader.write_text("import os; os.abort()")
    with pytest.raises(pdf.UnreadablePdf, match="Cannot be opened"):
        pdf.read(pdfs.pdf("1"))
    reader.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(pdf, "SECONDS", 0.5)
    with pytest.raises(pdf.UnreadablePdf, match="Took longer"):
        pdf.read(pdfs.pdf("1"))


# --- Intake --------------------------------------------------------------------------------------------------------


def test_a_note_of_the_chart_file_may_be_a_pdf() -> None:
    values = make.chart_values(make.encounter(notes=[pdfs.note(NOTE, pdfs.scan("x"), note_id="N1", type="progress")]))
    (note,) = values.encounters[0].notes
    assert (note.note_id, note.note_type, note.unread_pages) == ("N1", "progress", (2,))
    assert note.text.startswith("ASSESSMENT\nCKD")


def test_every_problem_of_a_pdf_is_told_with_its_place_and_without_its_content() -> None:
    notes = [
        {"pdf": "Sesamstrasse!"},
        {"pdf": pdfs.encoded(b"Sesamstrasse")},
        {**pdfs.note("Sesamstrasse"), "text": "Sesamstrasse", "page_offsets": [0]},
        {**pdfs.note("x"), "pages": 1},
        {"pdf": 7},
        {"pdf": None},
    ]
    with pytest.raises(IntakeErrors) as refused:
        make.chart_values(make.encounter(notes=notes))
    said = [str(problem) for problem in refused.value.problems]
    for place, words in enumerate(
        ["pdf: Not base64", "pdf: Cannot be opened", "text: Beside pdf", "pages: Unknown", "pdf: This is a number"]
    ):
        assert any(f"notes[{place}].{words}" in one for one in said), words
    assert any("notes[2].page_offsets: Beside pdf" in one for one in said)
    assert any("notes[5].text: Missing" in one for one in said)
    assert "Sesam" not in "".join(said)


def test_a_folder_may_hold_pdfs(tmp_path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.pdf(NOTE))
    (tmp_path / "b.txt").write_text("Stable.")
    one, other = note_folder.read_folder(tmp_path)
    assert one.encounters[0].notes[0].document is not None
    assert other.encounters[0].notes[0].document is None
    (tmp_path / "b.pdf").write_bytes(b"junk")
    (tmp_path / "a.txt").write_text("Stable.")
    with pytest.raises(IntakeErrors) as refused:
        note_folder.read_folder(tmp_path)
    assert [problem.field for problem in refused.value.problems] == ["a.pdf", "b.pdf"]


def test_a_chart_without_a_pdf_has_the_hash_that_it_always_had() -> None:
    line = make.chart_line(make.encounter("CKD.", day="2026-03-02"), member=make.member(member_id="M1"))
    assert make.values_of(line).content_hash == "fdddead0d7b1a16d6dcb9cfbb818c72b23c20e8b500d0f4f933228703206daab"


# --- Rows ----------------------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def with_pdf(*its_pages, codes=("E11.9",), **fields):
    return make.chart_line(make.encounter(notes=[pdfs.note(*its_pages, note_id="N1")], codes=codes), **fields)


def test_a_document_is_stored_whole_with_its_pages(project) -> None:
    line = with_pdf(NOTE, pdfs.scan("x"))
    chart = import_chart(make.values_of(line), project=project, by=None)
    note = Note.objects.get(encounter__chart=chart)
    assert (note.page_offsets, note.unread_pages) == ([0, len(NOTE.strip()) + 1], [2])
    document = note.document
    data = b"".join(bytes(part.data) for part in document.parts.all())
    assert pdfs.encoded(data) == line["encounters"][0]["notes"][0]["pdf"]
    assert (document.sha256, document.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert [(page.number, page.unread) for page in document.pages.all()] == [(1, ""), (2, "picture")]
    event = TrailEvent.objects.get(action="chart.imported")
    assert event.details["pages_unread"] == 1


def test_a_long_file_is_stored_in_parts(project, monkeypatch) -> None:
    monkeypatch.setattr(DocumentPart, "PART", 100)
    line = with_pdf(NOTE)
    import_chart(make.values_of(line), project=project, by=None)
    parts = [bytes(part.data) for part in DocumentPart.objects.all()]
    assert {len(part) for part in parts[:-1]} == {100}
    assert pdfs.encoded(b"".join(parts)) == line["encounters"][0]["notes"][0]["pdf"]


def test_the_same_pdf_again_changes_nothing_even_where_a_newer_reader_takes_another_text(project, monkeypatch) -> None:
    line = with_pdf(NOTE, pdfs.scan("x"))
    chart = import_chart(make.values_of(line), project=project, by=None)
    before = list(Note.objects.values())
    read = pdf._pages_of

    def newer(data):
        return [{**page, "text": page["text"].upper(), "unread": ""} for page in read(data)]

    monkeypatch.setattr(pdf, "_pages_of", newer)
    again = make.values_of({**line, "member": {**line["member"], "mbi": "1EG4-TE5-MK73"}})  # something else is new
    import_chart(again, project=project, by=None, apply=True)
    assert list(Note.objects.values()) == before
    assert Document.objects.count() == 1
    assert NlpRun.objects.count() == 1
    chart.refresh_from_db()
    assert (
        chart.content_hash == again.content_hash == make.values_of({**line, "member": again_member(line)}).content_hash
    )


def again_member(line):
    return {**line["member"], "mbi": "1EG4-TE5-MK73"}


def test_another_pdf_under_the_same_name_is_an_edit_and_refused(project) -> None:
    line = with_pdf(NOTE)
    import_chart(make.values_of(line), project=project, by=None)
    line["encounters"][0]["notes"] = [pdfs.note(NOTE + "Added later.", note_id="N1")]
    with pytest.raises(ImportRefused) as refused:
        import_chart(make.values_of(line), project=project, by=None, apply=True)
    assert refused.value.differences[0].edited == ("encounters[0].notes[0].pdf",)


@pytest.mark.parametrize("row", [Document, DocumentPage, DocumentPart], ids=lambda model: model.__name__)
def test_the_database_refuses_to_change_a_document(project, row) -> None:
    import_chart(make.values_of(with_pdf(NOTE)), project=project, by=None)
    field = {Document: "size", DocumentPage: "width", DocumentPart: "number"}[row]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        row.objects.update(**{field: F(field) + 1})


def test_the_text_of_a_note_is_still_guarded_after_its_table_was_altered(project) -> None:
    import_chart(make.values_of(with_pdf(NOTE)), project=project, by=None)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Note.objects.update(text="")


def test_the_bytes_and_places_are_not_fetched_with_a_chart(project) -> None:
    chart = import_chart(make.values_of(with_pdf(NOTE)), project=project, by=None)
    with CaptureQueriesContext(connection) as queries:
        read_chart(chart, make.person(Role.CODER, project))
    said = " ".join(query["sql"] for query in queries)
    assert "coding_documentpage" in said  # for the sizes of the pages
    assert '"coding_documentpage"."words"' not in said
    assert "coding_documentpart" not in said


# --- What was not read is said, everywhere --------------------------------------------------------------------------


def test_a_code_that_the_readable_pages_do_not_show_is_not_called_not_found() -> None:
    answer = {
        1: {"suggestions": [], "first_pass": [{"icd10": "E11.9", "verdict": "not-found", "evidence": [], "why": "No."}]}
    }
    (found,) = comparison.questions(["E11.9"], answer)
    assert found.verdict == Verdict.NOT_FOUND
    (found,) = comparison.questions(["E11.9"], answer, unread=2)
    assert found.verdict == Verdict.PENDING
    assert "2 pages hold no text" in found.why


def read_chart_with(project, *its_pages, codes=("E11.9",)) -> Chart:
    """A chart with one PDF that the rules have answered: the code on the claim is not there."""
    chart = import_chart(make.values_of(with_pdf(*its_pages, codes=codes)), project=project, by=None)
    run = suggestions.begin_run(Note.objects.get(encounter__chart=chart).pk)
    verdicts = [{"icd10": code, "verdict": "not-found", "evidence": [], "why": ""} for code in codes]
    suggestions.record_findings(run=run, answer={"suggestions": [], "first_pass": verdicts, "suppressed": []})
    chart.refresh_from_db()
    return chart


def test_the_page_says_which_pages_were_not_read_and_finish_says_it_again(project, client) -> None:
    coder = make.person(Role.CODER, project)
    chart = read_chart_with(project, "Stable.", pdfs.scan("x"), pdfs.scan("y"))
    queues.claim(chart=chart, by=coder)
    assert Suggestion.objects.get().verdict == Verdict.PENDING
    client.force_login(coder)
    page = pages.Page(client.get(reverse("chart", args=[chart.pk])))
    assert "2 pages hold no text, and were not read by the rules" in page.words
    assert "2 pages not read: page 2 , page 3" in page.words.replace("page 2,", "page 2 ,")
    note = Note.objects.get(encounter__chart=chart).pk
    assert {f"note-{note}-page-{number}" for number in (1, 2, 3)} <= set(page.ids)
    assert page.notes[note] == "Stable.\n\n\n"  # marks of pages are no text
    client.post(
        reverse("answer", args=[chart.pk]),
        {
            "s": Suggestion.objects.get().pk,
            "outcome": "delete",
            "panel": "1",
            "reason": "not-documented",
            "reads": "1",
            "read": note,
        },
    )
    response = client.post(reverse("finish", args=[chart.pk]), follow=True)
    assert "2 pages held no text and went unread by the rules" in pages.Page(response).words
    fact = FinishedReview.objects.get()
    assert fact.pages_unread == 2
    assert str(fact).endswith("pages not read 2")
    assert TrailEvent.objects.get(action="chart.finished").details["pages_unread"] == 2


def test_the_list_of_charts_says_how_many_pages_of_each_were_not_read(project, client) -> None:
    read_chart_with(project, "Stable.", pdfs.scan("x"), pdfs.scan("y"))
    read_chart_with(project, "Stable.")
    client.force_login(make.person(Role.MANAGER, project))
    words = pages.Page(client.get(reverse("chart_list"))).words
    assert words.count("not read") == 1
    assert "2 pages not read" in words


def test_a_chart_without_questions_does_not_say_that_nothing_is_missing(project, client) -> None:
    coder = make.person(Role.CODER, project)
    chart = read_chart_with(project, pdfs.scan("x"), codes=())
    queues.claim(chart=chart, by=coder)
    client.force_login(coder)
    page = pages.Page(client.get(reverse("chart", args=[chart.pk])))
    assert "The rules ask nothing about the pages that they could read" in page.words
    assert "no code found that is missing" not in page.words


def test_more_pages_cost_no_more_queries(project) -> None:
    coder = make.person(Role.CODER, project)
    read_chart(make.chart(project), coder)  # what a person may is remembered
    counts = []
    for its_pages in (["Stable."], ["Stable.", pdfs.scan("x"), "Well.", pdfs.scan("y")]):
        chart = read_chart_with(project, *its_pages)
        with CaptureQueriesContext(connection) as queries:
            read_chart(chart, coder)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Bytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (0, 99)),
        ("bytes=0-9", (0, 9)),
        ("bytes=90-", (90, 99)),
        ("bytes=90-1000", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-1000", (0, 99)),
        ("bytes=100-", (1, 0)),
        ("bytes=-0", (1, 0)),
        ("bytes=9-3", (1, 0)),
        ("bytes=0-1,5-6", (0, 99)),
        ("lines=1-2", (0, 99)),
    ],
)
def test_a_range_is_read_as_the_protocol_says(header, expected) -> None:
    assert wanted(header, 100) == expected


@pytest.fixture
def opened(project, client, monkeypatch):
    """(client of a lead, note, bytes): stored in parts of 100 bytes, so that ranges cross them."""
    monkeypatch.setattr(DocumentPart, "PART", 100)
    data = pdfs.pdf(NOTE, pdfs.scan("x"))
    line = make.chart_line(make.encounter(notes=[{"pdf": pdfs.encoded(data)}]))
    import_chart(make.values_of(line), project=project, by=None)
    client.force_login(make.person(Role.QA_LEAD, project))
    return client, Note.objects.get().pk, data


def got(response) -> bytes:
    return b"".join(response.streaming_content)


def test_the_bytes_come_whole_or_in_the_range_that_is_asked_for(opened) -> None:
    client, note, data = opened
    url = reverse("document", args=[note])
    response = client.get(url)
    assert got(response) == data
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Length"] == str(len(data))
    assert "no-store" in response.headers["Cache-Control"]
    for first, last in ((0, 0), (50, 149), (99, 100), (250, len(data) - 1)):
        response = client.get(url, headers={"Range": f"bytes={first}-{last}"})
        assert response.status_code == 206
        assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
        assert got(response) == data[first : last + 1]
    assert client.get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416


def test_a_page_comes_with_its_text_and_words(opened) -> None:
    client, note, _ = opened
    page = client.get(reverse("document_page", args=[note, 1])).json()
    stored = Note.objects.get(pk=note)
    assert page["start"] == 0
    assert [page["text"][word[0] : word[1]] for word in page["words"]] == NOTE.split()
    assert page["unread"] == ""
    other = client.get(reverse("document_page", args=[note, 2])).json()
    assert (other["start"], other["text"], other["words"]) == (stored.page_offsets[1], "\n", [])
    assert "picture" in other["unread"]
    assert client.get(reverse("document_page", args=[note, 3])).status_code == 404


def test_opening_leaves_one_event_for_each_session(opened, project) -> None:
    client, note, _ = opened
    url = reverse("document", args=[note])
    for _ in range(3):
        client.get(url, headers={"Range": "bytes=0-9"})
        client.get(reverse("document_page", args=[note, 1]))
    event = TrailEvent.objects.get(action="document.opened")
    assert event.details == {"note": note}
    assert event.subject_id == Chart.objects.get().pk
    other = Client()
    other.force_login(make.person(Role.QA_LEAD, project))
    other.get(reverse("document_page", args=[note, 2]))
    assert TrailEvent.objects.filter(action="document.opened").count() == 2


def test_a_note_of_plain_text_has_no_document(project, client) -> None:
    make.chart(project)
    client.force_login(make.person(Role.QA_LEAD, project))
    assert client.get(reverse("document", args=[Note.objects.get().pk])).status_code == 404


# --- One more --------------------------------------------------------------------------------------------------------


def send(client, chart, data: bytes, **form):
    encounter = chart.encounters.get().pk
    file = SimpleUploadedFile("Jane Doe.pdf", data, content_type="application/pdf")
    return client.post(
        reverse("add_document", args=[chart.pk]), {"encounter": encounter, "file": file, "type": "progress", **form}
    )


def test_a_lead_adds_a_document_and_the_rules_read_it(project, client, django_capture_on_commit_callbacks) -> None:
    lead = make.person(Role.QA_LEAD, project)
    chart = make.chart(project)
    client.force_login(lead)
    response = send(client, chart, pdfs.pdf(NOTE, pdfs.scan("x")))
    assert response.status_code == 302
    note = Note.objects.get(document__isnull=False)
    assert (note.note_type, note.unread_pages) == ("progress", [2])
    assert note.note_id == f"document {note.document.sha256[:12]}"  # a file's name may be a patient's
    assert note.runs.get().status == RunStatus.QUEUED
    event = TrailEvent.objects.get(action="chart.extended")
    assert (event.actor, event.details["pages_unread"]) == (lead, 1)
    assert send(client, chart, pdfs.pdf(NOTE, pdfs.scan("x"))).status_code == 302


def test_the_same_document_is_added_once(project) -> None:
    lead = make.person(Role.QA_LEAD, project)
    data = pdfs.pdf(NOTE)
    line = make.chart_line(make.encounter(notes=[{"pdf": pdfs.encoded(data), "note_id": "N1"}]))
    chart = import_chart(make.values_of(line), project=project, by=None)
    assert not add_document(encounter=chart.encounters.get(), values=pdf.read(data), note_type="", by=lead)
    assert Note.objects.count() == 1
    other = pdf.read(pdfs.pdf("Another."))
    assert add_document(encounter=chart.encounters.get(), values=other, note_type="", by=lead)
    assert not add_document(encounter=chart.encounters.get(), values=other, note_type="", by=lead)
    assert Note.objects.count() == 2


@pytest.mark.parametrize("data", [b"junk", pdfs.pdf("x", password="open")], ids=["junk", "locked"])
def test_a_bad_document_is_refused_on_the_page(project, client, data) -> None:
    client.force_login(make.person(Role.QA_LEAD, project))
    response = send(client, make.chart(project), data)
    assert response.status_code == 422
    assert "PDF" in pages.Page(response).words
    assert not Document.objects.exists()


# --- Privacy -------------------------------------------------------------------------------------------------------


def test_nothing_of_a_document_is_logged_or_told(project, client, caplog, capfd, tmp_path) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "charts.jsonl"
    line = with_pdf("Sesamstrasse is a word of a note.", pdfs.scan("x"), project="alpha")
    file.write_text(json.dumps(line))
    call_command("import_charts", str(file))
    line["encounters"][0]["notes"][0]["pdf"] = pdfs.encoded(b"%PDF-1.7 Sesamstrasse")
    file.write_text(json.dumps(line))
    with pytest.raises(CommandError):
        call_command("import_charts", str(file))
    client.force_login(make.person(Role.QA_LEAD, project))
    note = Note.objects.get().pk
    got(client.get(reverse("document", args=[note])))
    client.get(reverse("document_page", args=[note, 1]))
    said = capfd.readouterr()
    trail = json.dumps([event.details for event in TrailEvent.objects.all()])
    assert "Sesam" not in said.out + said.err + caplog.text + trail
    assert "Sesam" not in str(Document.objects.get()) + repr(chart_file.read(json.dumps(with_pdf("Sesamstrasse"))))
