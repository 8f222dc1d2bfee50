"""People, projects and who belongs where."""

from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from coding.workflow import QueueKey


def first_by_deadline() -> list[str]:
    return [QueueKey.DEADLINE.value]


class Role(models.TextChoices):
    CODER = "coder", "Coder"
    QA_LEAD = "qa_lead", "QA lead"
    MANAGER = "manager", "Manager"
    COMPLIANCE = "compliance", "Compliance"
    ADMINISTRATOR = "administrator", "Administrator"


class User(AbstractUser):
    credential = models.CharField(max_length=20, blank=True, help_text="Professional credential, such as CRC or CPC.")
    shortcuts_enabled = models.BooleanField(default=True, help_text="Single-key shortcuts on the review page.")
    keys = models.JSONField(
        default=dict, blank=True, help_text="The keys that the person changed: command -> keys (coding.keys)."
    )
    favourite_codes = models.JSONField(default=list, blank=True, help_text="ICD-10-CM codes, newest first.")
    tour_seen = models.BooleanField(
        default=False, help_text="Whether the tour of the review page was finished or left."
    )

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


DEMO = "demo"  # the project that manage.py demo sets up


class ProjectQuerySet(models.QuerySet["Project"]):
    def of(self, user: User) -> "ProjectQuerySet":
        """The projects that the person belongs to. There is no other way to see one."""
        return self.filter(memberships__user=user) if user.is_active else self.none()

    def where_role(self, user: User, *roles: Role) -> "ProjectQuerySet":
        if not user.is_active:
            return self.none()
        return self.filter(memberships__user=user, memberships__role__in=roles)


class Project(models.Model):
    """One engagement: its people, its charts and its review policy."""

    name = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    programs = models.JSONField(default=list, blank=True, help_text='Programs to score, such as ["cms-hcc"].')
    meat_elements_required = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(0), MaxValueValidator(4)],
        help_text="How many MEAT elements a code must show before it can be accepted.",
    )
    evidence_override_role = models.CharField(
        max_length=20,
        choices=[(Role.COMPLIANCE, "Compliance"), (Role.QA_LEAD, "QA lead")],
        default=Role.COMPLIANCE,
        blank=True,
        help_text="Who may let a code be accepted with fewer MEAT elements, with a reason; blank is nobody.",
    )
    deletion_alert_after = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="After how many finished charts with additions and no deletion the project is warned.",
    )
    coders_see_scores = models.BooleanField(default=True)
    queue_order = models.JSONField(
        default=first_by_deadline, blank=True, help_text="Keys of the queue's order, the first one first."
    )
    mute_below = models.PositiveSmallIntegerField(
        default=50,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent of a condition's suggestions that coders accept, below which it is flagged; 0 is never.",
    )
    mute_after = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="How many answers an acceptance rate needs before anything follows from it.",
    )
    mute_automatically = models.BooleanField(
        default=False, help_text="Mute what falls below, without a person's word for each condition."
    )
    hour_cost = models.DecimalField(
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="Dollars for an hour of coding, as a manager gives it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def is_demo(self) -> bool:
        """Whether answers here are for practice: invented people, on a machine of one's own."""
        return self.name == DEMO


class BaseRate(models.Model):
    """What a payer pays for a member and month at a score of 1.000, as a manager of the project supplied it.

    For a contract, a county, or a county of a contract. There is no rate for everybody, and none comes with the
    software.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="base_rates")
    program = models.CharField(max_length=20)
    payment_year = models.PositiveSmallIntegerField(validators=[MinValueValidator(2000), MaxValueValidator(2100)])
    contract = models.CharField(max_length=20, blank=True, help_text="As enrollments name it, such as H1234.")
    county = models.CharField(max_length=20, blank=True, help_text="As enrollments name it, such as its FIPS code.")
    amount = models.DecimalField(
        max_digits=9,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text="For a member at a score of 1.000.",
    )
    source = models.CharField(max_length=200, help_text="Such as the bid, or the rate book with its year.")
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["program", "-payment_year", "contract", "county"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "program", "payment_year", "contract", "county"],
                name="one_base_rate_per_contract_and_county",
            ),
            models.CheckConstraint(
                condition=~models.Q(contract="", county=""), name="a_base_rate_is_of_a_contract_or_county"
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="a_base_rate_is_above_zero"),
        ]

    def __str__(self) -> str:
        return f"Base rate {self.pk}"


class Membership(models.Model):
    """A person's one role in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_person_and_project")]

    def __str__(self) -> str:
        return f"{self.user.username}: {self.get_role_display()} of {self.project.name}"
