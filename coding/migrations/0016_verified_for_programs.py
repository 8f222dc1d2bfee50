"""For which programs a rule was read. SQLite copies the table, and loses its guard: put back here."""

from importlib import import_module

from django.db import migrations, models

compliance = import_module("coding.migrations.0004_compliance")


class Migration(migrations.Migration):
    dependencies = [
        ("coding", "0015_stored_assessments"),
    ]

    operations = [
        migrations.RunPython(compliance.unguard, compliance.guard),
        migrations.AddField(
            model_name="ruleverification",
            name="note",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="ruleverification",
            name="programs",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Programs that the rule is carried over to and was read for; none: for those that it is written for.",
            ),
        ),
        migrations.AddField(
            model_name="ruleverification",
            name="source_date",
            field=models.DateField(blank=True, help_text="Of the document.", null=True),
        ),
        migrations.AlterField(
            model_name="ruleverification",
            name="source",
            field=models.TextField(help_text="What was read: the document and the page."),
        ),
        migrations.RunPython(compliance.guard, compliance.unguard),
    ]
