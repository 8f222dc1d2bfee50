"""Compliance's tables, and what a deletion read. SQLite copies the table of decisions, and loses its guard: put back."""

from importlib import import_module

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

append_only = import_module("coding.migrations.0002_append_only")

APPEND_ONLY = ("coding_finishedreview", "coding_secondreview", "coding_ruleverification")


def guard(apps, schema_editor):
    """Three more tables that only grow."""
    vendor = schema_editor.connection.vendor
    for table in APPEND_ONLY:
        if vendor == "postgresql":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION coding_refuse_update()"
            )
        elif vendor == "sqlite":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def unguard(apps, schema_editor):
    on = {"postgresql": " ON {table}"}.get(schema_editor.connection.vendor, "")
    for table in APPEND_ONLY:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_is_append_only{on.format(table=table)}")


class Migration(migrations.Migration):
    dependencies = [
        ("coding", "0003_decision_as_paid"),
    ]

    operations = [
        migrations.RunPython(append_only.unguard, append_only.guard),
        migrations.AddField(
            model_name="decision",
            name="read",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="For a deletion: the ids of the notes that were read. Notes never change.",
            ),
        ),
        migrations.RunPython(append_only.guard, append_only.unguard),
        migrations.AddField(
            model_name="project",
            name="deletion_alert_after",
            field=models.PositiveSmallIntegerField(
                default=20,
                help_text="After how many finished charts with additions and no deletion the project is warned.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1000),
                ],
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="evidence_override_role",
            field=models.CharField(
                blank=True,
                choices=[("compliance", "Compliance"), ("qa_lead", "QA lead")],
                default="compliance",
                help_text="Who may let a code be accepted with fewer MEAT elements, with a reason; blank is nobody.",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="FinishedReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("finished_at", models.DateTimeField(auto_now_add=True)),
                ("additions", models.PositiveIntegerField()),
                ("rejections", models.PositiveIntegerField()),
                ("kept", models.PositiveIntegerField()),
                ("deletions", models.PositiveIntegerField()),
                ("changes", models.PositiveIntegerField(help_text="Existing codes for which another was put.")),
                ("queries", models.PositiveIntegerField()),
                ("undecided", models.PositiveIntegerField(default=0)),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="finished_reviews", to="coding.chart"
                    ),
                ),
                (
                    "coder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="finished_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["coder", "-finished_at"], name="finished_review_by_coder")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("undecided", 0)), name="a_finished_review_leaves_nothing_undecided"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OverpaymentCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("program", models.CharField(max_length=20)),
                ("payment_year", models.PositiveSmallIntegerField()),
                ("why", models.CharField(help_text="Why the year counts as paid or closed.", max_length=200)),
                ("delta", models.DecimalField(decimal_places=3, max_digits=7, null=True)),
                ("opened_on", models.DateField()),
                ("due_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("sent", "Sent"), ("none", "No overpayment")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "settled_on",
                    models.DateField(help_text="The day on which it was sent, or found to be none.", null=True),
                ),
                (
                    "evidence",
                    models.TextField(
                        blank=True, help_text="What shows that it was sent: the reference of the submission."
                    ),
                ),
                (
                    "chart",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="overpayment_cases", to="coding.chart"
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overpayment_cases",
                        to="coding.decision",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overpayment_cases",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["due_on", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("decision", "program", "payment_year"),
                        name="one_overpayment_case_per_decision_and_year",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_on__gt", models.F("opened_on"))),
                        name="an_overpayment_is_due_after_it_opens",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_on", None), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True),
                                ("settled_on__isnull", False),
                                models.Q(("evidence", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="a_settled_overpayment_shows_its_evidence",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "check_name",
                    models.CharField(help_text="V01 to V13, or MEAT for the evidence standard.", max_length=4),
                ),
                ("reason", models.TextField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("coder", "Coder"),
                            ("qa_lead", "QA lead"),
                            ("manager", "Manager"),
                            ("compliance", "Compliance"),
                            ("administrator", "Administrator"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "encounter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="overrides", to="coding.encounter"
                    ),
                ),
                (
                    "suggestion",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="overrides",
                        to="coding.suggestion",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawn_overrides",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("suggestion", None), ("withdrawn_at", None)),
                        fields=("encounter", "check_name"),
                        name="one_active_override_per_encounter_and_check",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("suggestion__isnull", False), ("withdrawn_at", None)),
                        fields=("suggestion",),
                        name="one_active_override_per_suggestion",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("check_name", "MEAT"), ("suggestion__isnull", False)),
                            models.Q(models.Q(("check_name", "MEAT"), _negated=True), ("suggestion", None)),
                            _connector="OR",
                        ),
                        name="an_evidence_override_names_its_suggestion",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="an_override_has_a_reason"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleVerification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule_id", models.CharField(max_length=60)),
                ("fingerprint", models.CharField(max_length=64)),
                (
                    "answer",
                    models.CharField(
                        choices=[("verified", "As the source says"), ("wrong", "Not as the source says")], max_length=10
                    ),
                ),
                ("source", models.TextField(help_text="What was read: the document with its date and page.")),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_verifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_verifications",
                        to="coding.project",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["project", "rule_id"], name="verification_by_rule")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source", ""), _negated=True), name="a_verification_names_its_source"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecondReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agrees", models.BooleanField()),
                ("comment", models.TextField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "coder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="second_review", to="coding.decision"
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reviewer", models.F("coder")), _negated=True),
                        name="a_second_reviewer_is_not_the_coder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("comment", ""), _negated=True), name="a_second_review_says_what_was_read"
                    ),
                ],
            },
        ),
        migrations.RunPython(guard, unguard),
    ]
