"""Django's system checks: a wrong setting or a broken rule file is said at start, with what to do."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

import nlp


@register
def rule_files_load(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    try:
        nlp.ruleset()
    except ValueError as error:
        return [Error(str(error), hint="Run `python -m nlp.catalog` for the whole list.", id="coding.E001")]
    return []
