"""The API: the same querysets, permissions and actions as the pages, as JSON. /api/ tells people what there is."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_required
from django.contrib.auth.signals import user_logged_in
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from drf_spectacular.views import SpectacularAPIView
from rest_framework import mixins, parsers, permissions, serializers, status, views, viewsets
from rest_framework.authtoken.models import Token
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import exception_handler as drf_exception_handler

import scoring
from coding import contradictions, exports, icd10, reports, scores
from coding import release as releases
from coding.actions import charts as chart_actions
from coding.actions import qa, queues, suggestions, trail
from coding.forms import AT_ONCE
from coding.intake import IntakeErrors, chart_file
from coding.models import (
    Chart,
    Claim,
    Decision,
    Encounter,
    EvidenceSpan,
    FirstPassCode,
    Note,
    Project,
    Suggestion,
    User,
)
from coding.permissions import (
    NotAllowed,
    can_see_scores,
    check_can,
    check_can_calculate,
    check_can_see_release,
    check_can_see_scores,
)
from coding.refusals import Refused
from coding.workflow import Outcome, SuggestionStatus
from scoring import contract


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What an action refuses is an answer with its sentence: 403 for a person's right, 409 for the state of things."""
    if isinstance(error, NotAllowed):
        error = PermissionDenied(str(error))
    if isinstance(error, Refused):
        return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
    return drf_exception_handler(error, context)


def person(request: Request) -> User:
    """Who asks. The default permission has let nobody else in."""
    return request.user  # type: ignore[return-value]


class RefusalSerializer(serializers.Serializer):
    """Why an action refused."""

    detail = serializers.CharField()


REFUSED = OpenApiResponse(
    RefusalSerializer, description="The state of things does not allow it; the sentence says why."
)
REJECTED = OpenApiResponse(description="What was sent is not readable, or lacks something.")


# --- Tokens --------------------------------------------------------------------------------------------------------


class CredentialsSerializer(serializers.Serializer):
    username = serializers.CharField()
    password = serializers.CharField(trim_whitespace=False, style={"input_type": "password"})


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(read_only=True, help_text="Send it as: Authorization: Token …")


class TokenView(views.APIView):
    """A token for scripts. A failed try counts towards the lock-out like one at the log-in page."""

    authentication_classes: list[Any] = []
    permission_classes = [permissions.AllowAny]

    @extend_schema(
        auth=[],
        request=CredentialsSerializer,
        responses={
            200: TokenSerializer,
            400: REJECTED,
            429: OpenApiResponse(RefusalSerializer, description="Locked out."),
        },
    )
    def post(self, request: Request) -> Response:
        """Give user name and password, get the person's token: the same one until it is deleted."""
        said = CredentialsSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        user = authenticate(request, **said.validated_data)
        if getattr(request, "axes_locked_out", False):
            detail = "Too many failed tries. Wait a quarter of an hour, or ask your administrator."
            return Response({"detail": detail}, status=status.HTTP_429_TOO_MANY_REQUESTS)
        if user is None:
            raise ValidationError({"detail": "User name and password do not belong together."})
        user_logged_in.send(sender=type(user), request=request, user=user)
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key}, headers={"Cache-Control": "no-store"})


# --- Charts --------------------------------------------------------------------------------------------------------


class ChartSerializer(serializers.ModelSerializer):
    project: serializers.SlugRelatedField[Project] = serializers.SlugRelatedField(
        slug_field="name", read_only=True, source="member.project"
    )
    open_suggestions = serializers.IntegerField(read_only=True)

    class Meta:
        model = Chart
        fields = ["id", "project", "service_year", "status", "status_since", "imported_at", "open_suggestions"]


class ClaimSerializer(serializers.ModelSerializer):
    class Meta:
        model = Claim
        fields = ["icn", "claim_type", "type_of_bill", "place_of_service", "accepted", "lines"]


class NoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ["id", "note_id", "note_type", "text", "text_sha256", "page_offsets", "unread_pages"]


class FirstPassCodeSerializer(serializers.ModelSerializer):
    class Meta:
        model = FirstPassCode
        fields = ["icd10", "source", "submitted"]


class EncounterSerializer(serializers.ModelSerializer):
    claim = ClaimSerializer(read_only=True, allow_null=True)
    notes = NoteSerializer(many=True, read_only=True)
    first_pass_codes = FirstPassCodeSerializer(many=True, read_only=True)

    class Meta:
        model = Encounter
        fields = [
            "id", "encounter_id", "date_from", "date_through", "setting", "provider_specialty", "provider_credential",
            "signature_status", "signature_credential", "signature_date", "claim", "notes", "first_pass_codes",
        ]  # fmt: skip


class PlaceSerializer(serializers.Serializer):
    """One side of a contradiction: where it stands in a note, end exclusive."""

    note = serializers.IntegerField()
    date_of_service = serializers.CharField(source="day")
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    quote = serializers.CharField()
    copied_from = serializers.DateField(allow_null=True, help_text="The earlier date that has the same sentence.")


class ContradictionSerializer(serializers.Serializer):
    """What the notes of a chart say that cannot both hold, for a person to judge."""

    kind = serializers.CharField()
    family = serializers.CharField()
    codes = serializers.ListField(child=serializers.CharField())
    rule = serializers.CharField()
    why = serializers.CharField()
    places = PlaceSerializer(many=True)


class ChartDetailSerializer(ChartSerializer):
    encounters = EncounterSerializer(many=True, read_only=True)
    contradictions = serializers.SerializerMethodField()

    class Meta(ChartSerializer.Meta):
        fields = [*ChartSerializer.Meta.fields, "encounters", "contradictions"]

    @extend_schema_field(ContradictionSerializer(many=True))
    def get_contradictions(self, chart: Chart) -> Any:
        return ContradictionSerializer(contradictions.of_chart(chart, chart.encounters.all()), many=True).data


class ScoreSerializer(serializers.Serializer):
    program = serializers.CharField()
    payment_year = serializers.IntegerField()
    model = serializers.CharField()
    problem = serializers.CharField(help_text="Why the chart could not be scored; empty when it was.")
    baseline = serializers.CharField(allow_null=True, help_text="Payment score with the first-pass codes.")
    now = serializers.CharField(allow_null=True, help_text="With what is decided.")
    projected = serializers.CharField(allow_null=True, help_text="With every open suggestion followed.")
    paid = serializers.DictField(
        allow_null=True,
        help_text="The same three as they would be paid, each [without, with] the records of which that is not known.",
    )
    deltas = serializers.DictField(
        help_text="By open suggestion: delta_raw, delta and its reasons, delta_paid (as in paid) and why it differs."
    )


def paid_row(paid: scores.Paid) -> list[str]:
    return [str(paid.sure), str(paid.most)]


def score_rows(chart: Chart) -> list[dict[str, Any]]:
    return [
        {
            "program": panel.program,
            "payment_year": panel.payment_year,
            "model": panel.model,
            "problem": panel.problem,
            **{
                name: str(getattr(panel, name).payment) if getattr(panel, name) else None
                for name in ("baseline", "now", "projected")
            },
            "paid": {name: paid_row(getattr(panel.paid, name).payment) for name in ("baseline", "now", "projected")}
            if panel.paid
            else None,
            "deltas": {
                str(pk): {
                    "delta_raw": str(d.raw),
                    "delta": str(d.payment),
                    "reasons": list(d.reasons),
                    "delta_paid": paid_row(d.paid),
                    "paid_reasons": list(d.paid_reasons),
                }
                for pk, d in panel.deltas.items()
            },
        }
        for panel in scores.chart_scores(chart)
    ]


class LinkSerializer(serializers.Serializer):
    program = serializers.CharField(source="assessment.program")
    payment_year = serializers.IntegerField(source="assessment.payment_year")
    link = serializers.CharField(source="assessment.link")
    radv = serializers.CharField(source="assessment.radv")
    payment = serializers.CharField(source="assessment.payment")


class ReleaseLineSerializer(serializers.Serializer):
    """One thing to do with one code on one date of service."""

    suggestion = serializers.IntegerField(source="decision.suggestion_id")
    decision = serializers.IntegerField(source="decision.pk")
    encounter_id = serializers.CharField(source="encounter.encounter_id")
    action = serializers.CharField(help_text="add, delete or keep")
    code = serializers.CharField()
    icn = serializers.CharField(help_text="Of the accepted claim that it is linked to; empty where there is none.")
    state = serializers.CharField(help_text="ready, held or not submittable")
    holds = serializers.ListField(child=serializers.CharField())
    bars = serializers.ListField(child=serializers.CharField())
    links = LinkSerializer(many=True)
    high_risk = serializers.SerializerMethodField()
    second_reviewer = serializers.CharField(source="second")
    earlier_export = serializers.CharField(
        help_text="Of a chart opened again, what the line is to what went out before: corrects it, said the same."
    )

    def get_high_risk(self, line: releases.Line) -> list[str]:
        return [flag.group for flag in line.flags]


class ImportedSerializer(serializers.Serializer):
    created = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    notes = serializers.IntegerField()


class ChartFileParser(parsers.BaseParser):
    """JSON Lines as they come; the intake reads them and names the bad lines."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("The chart file is not UTF-8.") from error


class ChartViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Charts that the person may open. POST imports a chart file."""

    serializer_class = ChartSerializer
    queryset = Chart.objects.none()
    parser_classes = [parsers.JSONParser, ChartFileParser]

    def get_queryset(self) -> QuerySet[Chart]:
        charts = (
            Chart.objects.listed_for(person(self.request))
            if self.action == "list"
            else Chart.objects.visible_to(person(self.request))
        )
        charts = charts.select_related("member__project").annotate(
            open_suggestions=Count("suggestions", filter=Q(suggestions__status="open"), distinct=True)
        )
        if self.action == "retrieve":
            charts = charts.prefetch_related("encounters__notes", "encounters__first_pass_codes", "encounters__claim")
        if self.action == "list":
            if project := self.request.query_params.get("project"):
                charts = charts.filter(member__project__name=project)
            if state := self.request.query_params.get("status"):
                charts = charts.filter(status=state)
        return charts.order_by("pk")

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return ChartDetailSerializer if self.action == "retrieve" else ChartSerializer

    @extend_schema(parameters=[OpenApiParameter("project", str), OpenApiParameter("status", str)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Charts that the person may list, in order of their ids."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One chart with its encounters and notes. Opening it leaves a trail event."""
        chart = self.get_object()
        trail.record("chart.opened", by=person(request), project=chart.project, subject=chart, through="api")
        return Response(self.get_serializer(chart).data)

    @extend_schema(
        request={"application/x-ndjson": str, "application/json": dict},
        responses={201: ImportedSerializer, 200: ImportedSerializer},
        description="Import a chart file (JSON Lines, one chart a line, all of one project). All or nothing: a bad "
        "file answers 400 with every problem, its line and field.",
    )
    def create(self, request: Request) -> Response:
        text = request.data if isinstance(request.data, str) else json.dumps(request.data)
        try:
            values = chart_file.read(text)
        except IntakeErrors as errors:
            problems: Any = [{"line": p.line, "field": p.field, "message": p.message} for p in errors.problems]
            raise ValidationError({"problems": problems}) from errors
        names = {chart.project for chart in values}
        if len(names) != 1:
            problems = [{"line": 1, "field": "project", "message": "One project a request."}]
            raise ValidationError({"problems": problems})
        project = Project.objects.of(person(request)).filter(name=names.pop()).first()
        if project is None:
            raise Http404
        summary = chart_actions.import_charts(values, project=project, by=person(request))
        return Response(
            {"created": summary.created, "unchanged": summary.unchanged, "notes": summary.notes},
            status=status.HTTP_201_CREATED if summary.created else status.HTTP_200_OK,
        )

    @extend_schema(responses=ScoreSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def score(self, request: Request, pk: str | None = None) -> Response:
        """Scores of the chart in each of the project's programs, with the delta of each open suggestion."""
        chart = self.get_object()
        check_can_see_scores(person(request), chart.project)
        if qa.undisclosed_to(person(request)).filter(chart=chart).exists():
            raise NotAllowed("The score would show the coder's answers. Give your own answers in QA first.")
        return Response(score_rows(chart))

    @extend_schema(responses={200: ReleaseLineSerializer(many=True), 403: RefusalSerializer, 409: REFUSED})
    @action(detail=True, pagination_class=None)
    def release(self, request: Request, pk: str | None = None) -> Response:
        """What the chart would send, each line with its link and what holds it. Refused with 409 while an existing code
        on it is undecided, or before it is finished."""
        chart = get_object_or_404(Chart.objects.listed_for(person(request)).select_related("member__project"), pk=pk)
        check_can_see_release(person(request), chart.project)
        if qa.undisclosed_to(person(request)).filter(chart=chart).exists():
            raise NotAllowed("It would show the coder's answers. Give your own answers in QA first.")
        lines = releases.chart_lines(chart, timezone.localdate())
        trail.record("chart.release_seen", by=person(request), project=chart.project, subject=chart, through="api")
        return Response(ReleaseLineSerializer(lines, many=True).data)

    @extend_schema(request=None, responses={200: ChartSerializer, 204: None})
    @action(detail=False, methods=["post"])
    def claim(self, request: Request) -> Response:
        """Get the next chart of the queue; 204 when nothing is ready."""
        chart = queues.claim_next(by=person(request))
        if chart is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(ChartSerializer(self.get_queryset().get(pk=chart.pk)).data)

    @extend_schema(request=None, responses={200: ChartSerializer, 403: RefusalSerializer, 409: REFUSED})
    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str | None = None) -> Response:
        """Refused with 409 while a suggestion is open."""
        chart = self.get_object()
        queues.finish(chart=chart, by=person(request))
        return Response(ChartSerializer(self.get_queryset().get(pk=chart.pk)).data)


# --- Suggestions and decisions -------------------------------------------------------------------------------------


class EvidenceSpanSerializer(serializers.ModelSerializer):
    class Meta:
        model = EvidenceSpan
        fields = ["note", "label", "start", "end", "quote"]


class SuggestionSerializer(serializers.ModelSerializer):
    """One question. What would give the coder's answer away is null to its auditor, who has yet to answer."""

    title = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    status = serializers.ChoiceField(
        SuggestionStatus.choices, read_only=True, allow_null=True, help_text="Null while hidden from the auditor."
    )

    class Meta:
        model = Suggestion
        fields = [
            "id", "chart", "encounter", "kind", "icd10", "title", "status", "verdict", "proposed", "confidence", "rule",
            "section", "why", "ruleset", "evidence",
        ]  # fmt: skip

    def get_title(self, suggestion: Suggestion) -> str:
        return icd10.title(suggestion.icd10)

    @extend_schema_field(EvidenceSpanSerializer(many=True))
    def get_evidence(self, suggestion: Suggestion) -> Any:
        spans = list(suggestion.evidence.all())
        if getattr(suggestion, "undisclosed", False) and not suggestion.added_by_id:
            spans = [span for span in spans if span.tagged_by_id is None]
        return EvidenceSpanSerializer(spans, many=True).data

    def to_representation(self, suggestion: Suggestion) -> dict[str, Any]:
        shown = super().to_representation(suggestion)
        if getattr(suggestion, "undisclosed", False):
            shown["status"] = None
            if suggestion.added_by_id:  # the coder's own finding: it is accepted
                shown |= {"why": "", "rule": ""}
        return shown


class DecisionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Decision
        fields = [
            "id", "suggestion", "outcome", "icd10", "reason", "comment", "decided_by", "decided_at", "delta_raw",
            "delta", "delta_paid", "paid_why", "score_model", "ruleset",
        ]  # fmt: skip
        read_only_fields = [
            "decided_by", "decided_at", "delta_raw", "delta", "delta_paid", "paid_why", "score_model", "ruleset",
        ]  # fmt: skip

    def to_representation(self, decision: Decision) -> dict[str, Any]:
        shown = super().to_representation(decision)
        if not can_see_scores(person(self.context["request"]), decision.suggestion.chart.project):
            shown |= {"delta_raw": None, "delta": None, "delta_paid": None, "paid_why": "", "score_model": ""}
        return shown


class AnswerSerializer(serializers.Serializer):
    suggestion = serializers.IntegerField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    icd10 = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="For change: the code to put."
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True)
    comment = serializers.CharField(required=False, default="", allow_blank=True)
    read = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        allow_null=True,
        default=None,
        help_text="For delete: the ids of the notes that were read. A deletion names at least one, where there is any.",
    )


class SuggestionViewSet(viewsets.ReadOnlyModelViewSet):
    """One question with its evidence: spans are code points into the note's text, end exclusive."""

    serializer_class = SuggestionSerializer
    queryset = Suggestion.objects.none()

    def get_queryset(self) -> QuerySet[Suggestion]:
        undisclosed = qa.undisclosed_to(person(self.request))
        found = Suggestion.objects.live().filter(chart__in=Chart.objects.visible_to(person(self.request)))
        if chart := self.request.query_params.get("chart"):
            found = found.filter(chart=int(chart)) if chart.isdecimal() and len(chart) < 19 else found.none()
        if state := self.request.query_params.get("status"):
            found = found.filter(status=state).exclude(pk__in=undisclosed.values("pk"))
        found = found.annotate(undisclosed=Exists(undisclosed.filter(pk=OuterRef("pk"))))
        return found.prefetch_related("evidence").order_by("chart", "encounter", "kind", "icd10")

    @extend_schema(parameters=[OpenApiParameter("chart", int), OpenApiParameter("status", str)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Questions on the charts that the person may open, with their evidence."""
        return super().list(request, *args, **kwargs)


class DecisionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Append-only: POST answers a suggestion (`reopen` takes the newest answer back).

    Deltas are null where the project hides scores; an auditor sees a decision after giving an own answer.
    """

    serializer_class = DecisionSerializer
    queryset = Decision.objects.none()

    def get_queryset(self) -> QuerySet[Decision]:
        return (
            Decision.objects.filter(suggestion__chart__in=Chart.objects.visible_to(person(self.request)))
            .exclude(suggestion__in=qa.undisclosed_to(person(self.request)).values("pk"))
            .select_related("suggestion__chart__member__project")
            .order_by("pk")
        )

    @extend_schema(
        request=AnswerSerializer,
        responses={201: DecisionSerializer, 400: REJECTED, 403: RefusalSerializer, 409: REFUSED},
    )
    def create(self, request: Request) -> Response:
        """Answer a suggestion on a chart that you hold."""
        answer = AnswerSerializer(data=request.data)
        answer.is_valid(raise_exception=True)
        said = answer.validated_data
        visible = Chart.objects.visible_to(person(request))
        suggestion = Suggestion.objects.live().filter(chart__in=visible, pk=said["suggestion"]).first()
        if suggestion is None:
            raise Http404
        if said["outcome"] == Outcome.REOPEN:
            decision = suggestions.undo(suggestion=suggestion, by=person(request))
        else:
            decision = suggestions.decide(
                suggestion=suggestion,
                outcome=Outcome(said["outcome"]),
                by=person(request),
                icd10_code=said["icd10"],
                reason=said["reason"],
                comment=said["comment"],
                read=said["read"] or (),
            )
        queues.seen(chart=suggestion.chart, by=person(request))
        return Response(self.get_serializer(decision).data, status=status.HTTP_201_CREATED)


# --- The calculator ------------------------------------------------------------------------------------------------

CODES = {"type": "array", "items": {"type": "string"}, "example": ["E11.22", "I50.32"]}
THREE_DECIMALS = {"type": "string", "example": "1.033"}
SCORE_REQUEST = {
    "type": "object",
    "required": ["program", "payment_year"],
    "properties": {
        "id": {"description": "Comes back as it is."},
        "program": {"type": "string", "example": "cms-hcc"},
        "payment_year": {"type": "integer", "example": 2026},
        "beneficiary": {
            "type": "object",
            "description": "The facts that the program uses; one that it does not use is refused.",
            "example": {"age": 72, "sex": "F", "dual": "none", "orec": "0"},
        },
        "diagnoses": CODES,
        "candidates": {**CODES, "example": ["N18.32"]},
        "model": {"type": "string", "description": "One model alone instead of the blend."},
        "segment": {"type": "string", "description": "Instead of the one that the facts give."},
        "segments": {"type": "string", "enum": ["all"]},
        "factors": {"type": "object", "description": "model -> normalization, coding_adjustment."},
        "frailty": {"type": "string", "description": "The contract's frailty factor (PACE)."},
        "not_payable": {"type": "object", "description": "code -> why it is documented and would not be paid."},
        "raw": {**THREE_DECIMALS, "description": "Runs the payment chain alone, instead of diagnoses."},
    },
}
SCORE_ANSWER = {
    "type": "object",
    "description": "As `python -m scoring` answers. Scores are strings with three decimals.",
    "properties": {
        "id": {},
        "model": {"type": "string"},
        "models": {"type": "array", "items": {"type": "object"}, "description": "The models of a blend."},
        "segment": {"type": "string"},
        "hccs": CODES | {"example": ["37", "226"]},
        "dropped": {"type": "object"},
        "interactions": CODES | {"example": ["DIABETES_HF_V28"]},
        "lines": {"type": "array", "items": {"type": "object"}},
        "unmapped": CODES | {"example": []},
        "no_effect": {"type": "object"},
        "raw": THREE_DECIMALS,
        "normalized": THREE_DECIMALS | {"example": "0.968"},
        "payment": THREE_DECIMALS | {"example": "0.911"},
        "csr_adjusted": THREE_DECIMALS | {"description": "Instead of normalized and payment, in the HHS models."},
        "candidates": {"type": "object"},
        "all": {"type": "object"},
    },
}


class CalculatorView(views.APIView):
    parser_classes = [parsers.JSONParser]

    @extend_schema(
        request={"application/json": SCORE_REQUEST},
        responses={
            200: OpenApiResponse(SCORE_ANSWER),
            400: OpenApiResponse(RefusalSerializer, description="It cannot be scored exactly; the sentence says why."),
            403: RefusalSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        """Score codes and a person: a line of `python -m scoring` in, its line out. Nothing is stored."""
        check_can_calculate(person(request))
        asked: Any = request.data  # anything that is not an object is refused with the rest
        if isinstance(asked, dict):
            for name, most in AT_ONCE.items():
                if isinstance(asked.get(name), list) and len(asked[name]) > most:
                    raise ValidationError({"detail": f"{name}: at most {most} codes at once."})
        try:
            return Response(contract.answer(asked))
        except scoring.ScoringError as error:
            raise ValidationError({"detail": str(error)}) from None


# --- Reports -------------------------------------------------------------------------------------------------------


class ReportRowSerializer(serializers.Serializer):
    section = serializers.CharField()
    name = serializers.CharField()
    measure = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="Scores and shares with three decimals.")


class ReportSerializer(serializers.Serializer):
    rows = ReportRowSerializer(many=True)


class CaptureReportView(views.APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("project", str, required=True),
            OpenApiParameter("from", date, description="First day (UTC); default 30 days up to the last."),
            OpenApiParameter("to", date, description="Last day (UTC); default today."),
        ],
        responses={200: ReportSerializer, 400: REJECTED},
    )
    def get(self, request: Request) -> Response:
        """The capture report as rows of section, name, measure, value: the same rows as its CSV."""
        project = Project.objects.of(person(request)).filter(name=request.query_params.get("project", "")).first()
        if project is None:
            raise Http404
        export = exports.exports()["capture"]
        check_can(person(request), export.PERMISSION, project)
        try:
            period = reports.Period.read(request.query_params.get("from", ""), request.query_params.get("to", ""))
        except ValueError as error:
            raise ValidationError({"detail": str(error)}) from error
        rows = [dict(zip(export.COLUMNS, row, strict=True)) for row in export.rows(project, period)]
        return Response(ReportSerializer({"rows": rows}).data)


# --- The document for people ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """One row of the page about the API, from the OpenAPI document."""

    method: str
    path: str
    words: str
    parameters: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]


@cache
def operations() -> tuple[Operation, ...]:
    document = SchemaGenerator().get_schema(request=None, public=True)
    return tuple(
        Operation(
            method.upper(),
            path,
            operation.get("description", ""),
            tuple((p["name"], p.get("description", "")) for p in operation.get("parameters", ()) if p["in"] == "query"),
            tuple((status, answer.get("description", "")) for status, answer in operation["responses"].items()),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """What the OpenAPI document says, for people to read."""
    return render(request, "api/index.html", {"operations": operations()})


router = SimpleRouter()
router.register("charts", ChartViewSet, basename="api-chart")
router.register("suggestions", SuggestionViewSet, basename="api-suggestion")
router.register("decisions", DecisionViewSet, basename="api-decision")


urlpatterns = [
    path("", index, name="api"),
    path("", include(router.urls)),
    path("token/", TokenView.as_view(), name="api-token"),
    path("score/", CalculatorView.as_view(), name="api-score"),
    path("reports/capture/", CaptureReportView.as_view(), name="api-capture"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
