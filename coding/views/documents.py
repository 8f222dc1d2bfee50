"""The PDFs of notes: their bytes, where the words of a page stand, and one more of them for a chart."""

import re
from collections.abc import Iterator

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe
from kombu.exceptions import OperationalError

from coding.actions import trail
from coding.actions.charts import ImportRefused, add_document
from coding.intake import pdf
from coding.models import Chart, Document, DocumentPage, DocumentPart, Encounter, User
from coding.permissions import Permission, check_can
from coding.views import as_id
from coding.views.charts import open_to

OPENED = "documents"  # in the session: those of which the trail knows that this log-in opened them
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def opened(request: HttpRequest, note: int) -> Document:
    """The note's document, if the person may open its chart; the first time in a session the trail says so.

    A viewer asks for one document many times, page by page and piece by piece: that is one opening.
    """
    user: User = request.user  # type: ignore[assignment]
    found = Document.objects.filter(note=note, note__encounter__chart__in=Chart.objects.visible_to(user))
    document = get_object_or_404(found.select_related("note__encounter__chart__member__project").defer("note__text"))
    known = request.session.get(OPENED, [])
    if document.pk not in known:
        chart = document.note.encounter.chart
        trail.record("document.opened", by=user, project=chart.project, subject=chart, note=note)
        request.session[OPENED] = [*known, document.pk]
    return document


@require_safe
@login_required
def document(request: HttpRequest, note: int) -> HttpResponseBase:
    """The file as it came, or the one range of bytes that is asked for."""
    found = opened(request, note)
    first, last = wanted(request.headers.get("Range", ""), found.size)
    if first > last:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{found.size}"})
    response = StreamingHttpResponse(bytes_of(found, first, last), content_type="application/pdf")
    if "Range" in request.headers:
        response.status_code = 206
        response["Content-Range"] = f"bytes {first}-{last}/{found.size}"
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = last - first + 1
    response["Content-Disposition"] = f'inline; filename="note-{note}.pdf"'
    return response


def wanted(header: str, size: int) -> tuple[int, int]:
    """The first and the last byte: all where the header does not ask for one range, (1, 0) where beyond the end."""
    match = RANGE.match(header)
    if not match or not (match[1] or match[2]):
        return 0, size - 1
    if not match[1]:
        return (max(0, size - int(match[2])), size - 1) if int(match[2]) else (1, 0)
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first <= last else (1, 0)


def bytes_of(document: Document, first: int, last: int) -> Iterator[bytes]:
    size = DocumentPart.PART
    parts = document.parts.filter(number__range=(first // size, last // size)).values_list("number", "data")
    for number, data in parts.iterator(chunk_size=4):
        begin = number * size
        yield bytes(data)[max(0, first - begin) : last + 1 - begin]


@require_safe
@login_required
def document_page(request: HttpRequest, note: int, number: int) -> JsonResponse:
    """A page's text, where it begins in the note's, where its words stand, and why it was not read if it was not."""
    found = opened(request, note)
    page = get_object_or_404(found.pages, number=number)
    offsets = found.note.page_offsets
    start = offsets[number - 1]
    end = offsets[number] if number < len(offsets) else None
    text = found.note.text[start:end]
    why = DocumentPage.Unread(page.unread).label if page.unread else ""
    return JsonResponse({"start": start, "text": text, "words": page.words, "unread": why})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """One more PDF for a date of service of a chart: a page that was missing, a record that came late."""
    user: User = request.user  # type: ignore[assignment]
    chart = get_object_or_404(open_to(request), pk=pk)
    check_can(user, Permission.IMPORT_CHARTS, chart.project)
    encounters = chart.encounters.all()
    problem = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        encounter = next((one for one in encounters if one.pk == as_id(request.POST.get("encounter", ""))), None)
        if encounter is None or file is None:
            problem = "Choose a date of service and a PDF."
        else:
            problem = added(request, encounter, file.read(pdf.MOST_BYTES + 1))
        if not problem:
            return redirect("chart", chart.pk)
    context = {"chart": chart, "encounters": encounters, "problem": problem, "typed": request.POST}
    return render(request, "charts/document.html", context, status=422 if problem else 200)


def added(request: HttpRequest, encounter: Encounter, data: bytes) -> str:
    """Store the file as a note. Returns what is wrong with it, or nothing."""
    user: User = request.user  # type: ignore[assignment]
    try:
        note = pdf.read(data)
        is_new = add_document(encounter=encounter, values=note, note_type=request.POST.get("type", ""), by=user)
    except pdf.UnreadablePdf as error:
        return str(error)
    except ImportRefused as refused:
        return f"{refused} {' '.join(map(str, refused.differences))}"
    except OperationalError:  # after the commit: the rows are the truth, and they say "queued"
        messages.warning(request, "The document is stored, but the worker does not answer: it is read when it does.")
        return ""
    if not is_new:
        messages.info(request, "This document is here already. Nothing was changed.")
    elif note.unread_pages:
        count = len(note.unread_pages)
        messages.warning(
            request,
            f"The document is stored. {count} of its pages {'holds' if count == 1 else 'hold'} no text to read.",
        )
    else:
        messages.success(request, "The document is stored; its questions come when the rules have read it.")
    return ""


urlpatterns = [
    path("notes/<int:note>/document/", document, name="document"),
    path("notes/<int:note>/document/<int:number>/", document_page, name="document_page"),
    path("charts/<int:pk>/document/", add, name="add_document"),
]
