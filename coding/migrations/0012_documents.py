"""PDFs of notes, their pages and bytes. Guarded like the text that was taken from them (0002)."""

import django.db.models.deletion
from django.db import migrations, models

GUARDED = {"coding_document": "", "coding_documentpage": "", "coding_documentpart": ""}
# Altering a table copies it there, and leaves its trigger behind.
LOST_ON_SQLITE = {"coding_note": " OF text", "coding_finishedreview": ""}


def guard(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for table, of in (GUARDED | LOST_ON_SQLITE if vendor == "sqlite" else GUARDED).items():
        refuse = {
            "postgresql": "FOR EACH ROW EXECUTE FUNCTION coding_refuse_update()",
            "sqlite": f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        }[vendor]
        schema_editor.execute(f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE{of} ON {table} {refuse}")


class Migration(migrations.Migration):
    dependencies = [
        ("coding", "0011_copied_from"),
    ]

    operations = [
        migrations.AddField(
            model_name="finishedreview",
            name="pages_unread",
            field=models.PositiveIntegerField(default=0, help_text="Pages without a text that rules could read."),
        ),
        migrations.AddField(
            model_name="note",
            name="unread_pages",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Pages, from 1, that the text lacks: pictures, as a scanner makes them.",
            ),
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveIntegerField(help_text="Bytes.")),
                ("page_count", models.PositiveIntegerField()),
                (
                    "note",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="document", to="coding.note"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DocumentPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="From 1.")),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("words", models.JSONField(default=list)),
                (
                    "unread",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("picture", "a picture with little or no text"),
                            ("letters", "letters that its fonts do not explain"),
                            ("broken", "broken"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pages", to="coding.document"
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="DocumentPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="From 0.")),
                ("data", models.BinaryField()),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="coding.document"
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(condition=models.Q(("page_count__gt", 0)), name="a_document_has_a_page"),
        ),
        migrations.AddConstraint(
            model_name="documentpage",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="one_page_per_number_and_document"),
        ),
        migrations.AddConstraint(
            model_name="documentpart",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="one_part_per_number_and_document"),
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),  # the tables take their triggers with them
    ]
