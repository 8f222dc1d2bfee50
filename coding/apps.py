from django.apps import AppConfig


class CodingConfig(AppConfig):
    name = "coding"
    verbose_name = "Coding review"

    def ready(self) -> None:
        from coding import checks  # noqa: F401
