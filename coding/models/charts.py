"""Charts as they were imported: members, encounters, claims, notes, first-pass codes.

A later import may add to a chart and fill in what was unknown; what is stored is never overwritten.
"""

from bisect import bisect_right
from datetime import date

from django.db import models
from django.db.models import Case, F, Q, When

from coding.acceptability import book, queue_place
from coding.acceptability.calendar import CLOSED
from coding.models.projects import Project, Role, User
from coding.workflow import ChartStatus, QueueKey

RECENT_YEARS = 6  # older service years are closed everywhere
# A chart that was not weighed yet comes after those that were.
QUEUE_ORDER = {
    QueueKey.DEADLINE: (F("place").asc(), F("service_year").asc()),
    QueueKey.OLDEST: (F("imported_at").asc(),),
    QueueKey.SHORTEST: (F("size").asc(nulls_last=True),),
    QueueKey.LONGEST: (F("size").desc(nulls_last=True),),
    QueueKey.FLAGS: (F("risk_flags").desc(nulls_last=True),),
    QueueKey.STAKE: (F("at_stake").desc(nulls_last=True),),
}


class Member(models.Model):
    """An enrolled person, as far as scoring and matching need."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="members")
    member_id = models.CharField(max_length=80)
    mbi = models.CharField(max_length=11, blank=True)
    birth_date = models.DateField()
    sex = models.CharField(max_length=1, choices=[("F", "Female"), ("M", "Male")])
    family_name = models.CharField(max_length=80, blank=True)
    given_name = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "member_id"], name="one_member_per_number_and_project")
        ]

    def __str__(self) -> str:
        return f"Member {self.pk}"

    @property
    def initials(self) -> str:
        return "".join(f"{name[0]}." for name in (self.given_name, self.family_name) if name)


class Enrollment(models.Model):
    """A member's scoring facts for one payment year and program. A blank or null fact is unknown."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="enrollments")
    payment_year = models.PositiveSmallIntegerField()
    program = models.CharField(max_length=20)
    contract = models.CharField(max_length=20, blank=True)
    county = models.CharField(max_length=20, blank=True)
    dual = models.CharField(max_length=10, blank=True)
    orec = models.CharField(max_length=1, blank=True)
    institutional = models.BooleanField(null=True)
    new_enrollee = models.BooleanField(null=True)
    switched_ma_organization = models.BooleanField(null=True)
    facts = models.JSONField(default=dict, blank=True, help_text="Facts that only some programs use.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "payment_year", "program"], name="one_enrollment_per_member_year_and_program"
            )
        ]

    def __str__(self) -> str:
        return f"Enrollment {self.pk}"


class ChartQuerySet(models.QuerySet["Chart"]):
    def visible_to(self, user: User) -> "ChartQuerySet":
        """The charts that a person may open: a coder's own, all of a project's for QA and compliance, none else."""
        if not user.is_active:
            return self.none()
        reads_all = Project.objects.where_role(user, Role.QA_LEAD, Role.COMPLIANCE).values("pk")
        codes_in = Project.objects.where_role(user, Role.CODER).values("pk")
        assigned = user.assignments.values("chart")
        return self.filter(Q(member__project__in=reads_all) | Q(member__project__in=codes_in, pk__in=assigned))

    def listed_for(self, user: User) -> "ChartQuerySet":
        """The charts whose status and counts a person may see: those above, and all of a manager's project."""
        if not user.is_active:
            return self.none()
        lists_all = Project.objects.where_role(user, Role.QA_LEAD, Role.COMPLIANCE, Role.MANAGER).values("pk")
        codes_in = Project.objects.where_role(user, Role.CODER).values("pk")
        assigned = user.assignments.values("chart")
        return self.filter(Q(member__project__in=lists_all) | Q(member__project__in=codes_in, pk__in=assigned))

    def claimable_by(self, user: User) -> "ChartQuerySet":
        """Ready charts of the person's coding projects which they did not code in the first pass."""
        projects = Project.objects.where_role(user, Role.CODER).values("pk")
        own_first_pass = FirstPassCode.objects.filter(coder=user.username).exclude(coder="")
        return self.filter(member__project__in=projects, status=ChartStatus.READY).exclude(
            pk__in=own_first_pass.values("encounter__chart")
        )

    def in_queue_order(self, project: Project, today: date) -> "ChartQuerySet":
        """The project's charts: a lead's priority first, then by the keys that the project chose, then as they came.

        place: days to the next deadline of the service year; closed years, where only deletions are left, come last.
        """
        places = [
            When(service_year=year, then=queue_place(book(), project.programs, year, today))
            for year in range(today.year - RECENT_YEARS, today.year + 2)
        ]
        order = Case(*places, default=CLOSED, output_field=models.IntegerField())
        keys = [part for key in project.queue_order for part in QUEUE_ORDER[QueueKey(key)]]
        return self.filter(member__project=project).annotate(place=order).order_by("-priority", *keys, "pk")


class Chart(models.Model):
    """One member and one service year: the unit of work that a coder opens."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="charts")
    service_year = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=ChartStatus.choices, default=ChartStatus.IMPORTED)
    priority = models.SmallIntegerField(default=0, help_text="Higher comes first in the queue.")
    hold_reason = models.CharField(max_length=200, blank=True)
    size = models.PositiveIntegerField(null=True, help_text="Characters of its notes, when it was last weighed.")
    risk_flags = models.PositiveSmallIntegerField(
        null=True, help_text="Codes of high-risk groups, and first-pass codes that the record does not support."
    )
    at_stake = models.DecimalField(
        max_digits=7, decimal_places=3, null=True, help_text="How far the open questions could move the payment score."
    )
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the imported values.")
    imported_at = models.DateTimeField(auto_now_add=True)
    status_since = models.DateTimeField(auto_now_add=True)

    objects = ChartQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "service_year"], name="one_chart_per_member_and_service_year"),
            models.CheckConstraint(condition=Q(status__in=ChartStatus.values), name="chart_status_is_known"),
        ]
        indexes = [models.Index(fields=["status", "-priority", "service_year"], name="chart_by_queue_order")]

    def __str__(self) -> str:
        return f"Chart {self.pk}"

    @property
    def project(self) -> Project:
        return self.member.project


class Encounter(models.Model):
    """One date of service, or one inpatient stay: a record that stands alone. A blank or null field is unknown."""

    chart = models.ForeignKey(Chart, on_delete=models.CASCADE, related_name="encounters")
    encounter_id = models.CharField(max_length=80)
    date_from = models.DateField()
    date_through = models.DateField()
    setting = models.CharField(max_length=20, default="outpatient")
    provider_npi = models.CharField(max_length=10, blank=True)
    provider_specialty = models.CharField(max_length=10, blank=True)
    provider_name = models.CharField(max_length=120, blank=True)
    provider_credential = models.CharField(max_length=40, blank=True)
    signature_status = models.CharField(max_length=40, blank=True)
    signature_name = models.CharField(max_length=120, blank=True)
    signature_credential = models.CharField(max_length=40, blank=True)
    signature_date = models.DateField(null=True)

    class Meta:
        ordering = ["date_from", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["chart", "encounter_id"], name="one_encounter_per_id_and_chart"),
            models.CheckConstraint(
                condition=Q(date_through__gte=F("date_from")), name="encounter_ends_on_or_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"Encounter {self.pk}"


class Claim(models.Model):
    """What was billed for the encounter. `lines`: [{"procedure": "99214", "modifiers": ["25"]}, ...]."""

    encounter = models.OneToOneField(Encounter, on_delete=models.CASCADE, related_name="claim")
    icn = models.CharField(max_length=40, blank=True)
    claim_type = models.CharField(max_length=2, blank=True)
    type_of_bill = models.CharField(max_length=4, blank=True)
    place_of_service = models.CharField(max_length=4, blank=True)
    accepted = models.BooleanField(null=True)
    lines = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Claim {self.pk}"


class Note(models.Model):
    """The text of one document, exactly as received: evidence spans point into it, so it never changes."""

    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="notes")
    note_id = models.CharField(max_length=80)
    note_type = models.CharField(max_length=60, blank=True)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    page_offsets = models.JSONField(default=list, blank=True, help_text="Where each page begins in the text.")
    unread_pages = models.JSONField(
        default=list, blank=True, help_text="Pages, from 1, that the text lacks: pictures, as a scanner makes them."
    )

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["encounter", "note_id"], name="one_note_per_id_and_encounter")]

    def __str__(self) -> str:
        return f"Note {self.pk}"

    def page_at(self, offset: int) -> int | None:
        """The number of the page on which a place of the text stands; None where the note has no pages."""
        return bisect_right(self.page_offsets, offset) or None


class Document(models.Model):
    """The PDF that a note's text was taken from. Like the text it never changes, nor do its pages and parts."""

    note = models.OneToOneField(Note, on_delete=models.CASCADE, related_name="document")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes.")
    page_count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(page_count__gt=0), name="a_document_has_a_page")]

    def __str__(self) -> str:
        return f"Document {self.pk}"


class DocumentPage(models.Model):
    """One page: its size in points as it is shown, where its words stand, and why it was not read if it was not.

    `words`: [[start, end, left, top, right, bottom], ...], in code points of the page's text, and in ten thousandths of
    the page's width and height from the top left.
    """

    class Unread(models.TextChoices):
        PICTURE = "picture", "a picture with little or no text"
        LETTERS = "letters", "letters that its fonts do not explain"
        BROKEN = "broken", "broken"

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField(help_text="From 1.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    words = models.JSONField(default=list)
    unread = models.CharField(max_length=10, blank=True, choices=Unread.choices)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_page_per_number_and_document")]

    def __str__(self) -> str:
        return f"Document page {self.pk}"


class DocumentPart(models.Model):
    """A piece of the file, PART bytes but for the last: a browser asks for the bytes that it needs of a long one."""

    PART = 256 * 1024

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField(help_text="From 0.")
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_part_per_number_and_document")]

    def __str__(self) -> str:
        return f"Document part {self.pk}"


class FirstPassCode(models.Model):
    """An ICD-10-CM code already reported on the encounter, with where it came from."""

    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="first_pass_codes")
    icd10 = models.CharField(max_length=8)
    source = models.CharField(max_length=40, default="claim")
    submitted = models.BooleanField(null=True)
    coder = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["icd10", "source"]
        indexes = [models.Index(fields=["coder"], condition=~Q(coder=""), name="first_pass_code_by_coder")]
        constraints = [
            models.UniqueConstraint(
                fields=["encounter", "icd10", "source"], name="one_first_pass_code_per_encounter_and_source"
            )
        ]

    def __str__(self) -> str:
        return f"First-pass code {self.pk}"
