"""A decision's delta as it would be paid. SQLite copies the table for it, and loses the guard of 0002: put back here."""

from importlib import import_module

from django.db import migrations, models

append_only = import_module("coding.migrations.0002_append_only")


class Migration(migrations.Migration):
    dependencies = [("coding", "0002_append_only")]

    operations = [
        migrations.RunPython(append_only.unguard, append_only.guard),
        migrations.AddField(
            "decision",
            "delta_paid",
            models.DecimalField(
                decimal_places=3,
                help_text="The delta as it would be paid; null where not known.",
                max_digits=7,
                null=True,
            ),
        ),
        migrations.AddField(
            "decision",
            "paid_why",
            models.TextField(blank=True, help_text="Why the payment is not what is documented, or is not known."),
        ),
        migrations.RunPython(append_only.guard, append_only.unguard),
    ]
