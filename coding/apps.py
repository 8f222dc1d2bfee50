from django.apps import AppConfig


class CodingConfig(AppConfig):
    name = "coding"
    verbose_name = "Coding review"

    def ready(self) -> None:
        from django.conf import settings

        from coding import checks  # noqa: F401
        from scoring.tables import use_tables

        use_tables(settings.VAR_DIR / "tables")  # what import_model_tables stored; each process reads it once
