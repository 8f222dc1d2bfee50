"""The database itself refuses to change what must never change: decisions, trail events, and the text of a note."""

from django.db import migrations

GUARDED = {
    "coding_decision": None,
    "coding_trailevent": None,
    "coding_note": "text",
}


def guard(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":
        schema_editor.execute(
            """
            CREATE OR REPLACE FUNCTION coding_refuse_update() RETURNS trigger AS $$
            BEGIN
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
            END
            $$ LANGUAGE plpgsql
            """,
            params=None,  # the % is PostgreSQL's own
        )
    for table, column in GUARDED.items():
        of = f" OF {column}" if column else ""
        if vendor == "postgresql":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE{of} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION coding_refuse_update()"
            )
        elif vendor == "sqlite":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE{of} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def unguard(apps, schema_editor):
    on = {"postgresql": " ON {table}"}.get(schema_editor.connection.vendor, "")
    for table in GUARDED:
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_is_append_only{on.format(table=table)}")


class Migration(migrations.Migration):
    dependencies = [("coding", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
