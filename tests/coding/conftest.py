"""Who most tests of the application are about: a project and its people. A file that needs others defines its own."""

import pytest
from django.test import Client

from coding.models import Project, Role, User
from tests import make


@pytest.fixture
def project(db: None) -> Project:
    return make.project("alpha")


@pytest.fixture
def coder(project: Project) -> User:
    return make.person(Role.CODER, project)


@pytest.fixture
def lead(project: Project) -> User:
    return make.person(Role.QA_LEAD, project)


@pytest.fixture
def manager(project: Project) -> User:
    return make.person(Role.MANAGER, project)


@pytest.fixture
def desk(client: Client, coder: User) -> Client:
    """The coder's browser."""
    client.force_login(coder)
    return client
