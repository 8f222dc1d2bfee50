"""What every test needs. Data comes from `tests/make.py`."""

import pytest
from pytest_django.fixtures import Settings

from config.celery import app


@pytest.fixture(scope="session", autouse=True)
def _messages_stay_in_this_process() -> None:
    """No test leaves a message for a real worker; those about a broker configure their own."""
    app.conf.broker_url = "memory://localhost"
    app.conf.broker_transport_options = {}


@pytest.fixture(autouse=True)
def _plain_settings(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a log-in costs nothing
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},  # no collectstatic first
    }
    settings.AXES_ENABLED = False
