"""What is decided and does not go out: held until somebody acts, or of no use to the payer. The reason is beside it.

A supported code that cannot be linked pays nothing from payment year 2027 on, and is still worth knowing for care.
"""

from collections.abc import Iterator

from coding import release
from coding.exports import submission
from coding.models import Project
from coding.permissions import Permission
from coding.reports import Period

NAME = "Held, and supported but not submittable"
PERMISSION = Permission.EXPORT
COLUMNS = submission.COLUMNS


def rows(project: Project, period: Period) -> Iterator[tuple[object, ...]]:
    return submission.of_state(project, period, (release.HELD, release.NOT_SUBMITTABLE))
