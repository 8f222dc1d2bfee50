"""Who may do what: one table, and one pair of functions for each rule.

`check_can_x` raises `NotAllowed` with a reason; `can_x` answers yes or no, for templates. What a person may *see* is a
queryset (`Project.objects.of`, `Chart.objects.visible_to`), so that a page about something else's id is a 404.
"""

from enum import StrEnum

from coding.models import Chart, Decision, Project, ProviderQuery, QAReview, Role, User
from coding.workflow import ChartStatus


class NotAllowed(Exception):
    """The person may not do this; the message says why."""


class Permission(StrEnum):
    CODE = "code charts"
    READ_CHARTS = "read every chart"
    IMPORT_CHARTS = "import charts"
    AUDIT = "draw samples and audit decisions"
    ASSIGN = "assign charts"
    ANSWER_CODERS = "answer the questions of coders"
    SEE_REPORTS = "see capture reports"
    EXPORT = "export"
    SEE_TRAIL = "see the trail"
    SEE_SCORES = "see scores"
    CHANGE_POLICY = "change the project's policy"
    SEE_MONEY = "see money and set base rates"
    SEE_RULES = "see the rules and the calendar"
    VERIFY_RULES = "verify rules"
    MUTE_CONDITIONS = "mute conditions"
    OVERRIDE = "answer for a record against a rule"
    REOPEN = "open a closed chart again"
    SECOND_REVIEW = "review high-risk codes a second time"
    SEE_RELEASE = "see what is released and what is held"
    PACKET = "compile the records for an audit"
    SEE_OVERPAYMENTS = "see overpayment cases"
    WORK_OVERPAYMENTS = "work on overpayment cases"
    SEE_QUERIES = "see queries to providers"
    WORK_QUERIES = "send every query and record its answer"


ROLE_PERMISSIONS = {
    Role.CODER: {Permission.CODE, Permission.SEE_RULES, Permission.SEE_QUERIES},
    Role.QA_LEAD: {
        Permission.READ_CHARTS,
        Permission.IMPORT_CHARTS,
        Permission.AUDIT,
        Permission.ASSIGN,
        Permission.ANSWER_CODERS,
        Permission.SEE_REPORTS,
        Permission.SEE_TRAIL,
        Permission.SEE_SCORES,
        Permission.SEE_RULES,
        Permission.REOPEN,
        Permission.MUTE_CONDITIONS,
        Permission.SECOND_REVIEW,
        Permission.SEE_RELEASE,
        Permission.SEE_QUERIES,
        Permission.WORK_QUERIES,
    },
    Role.MANAGER: {
        Permission.IMPORT_CHARTS,
        Permission.ASSIGN,
        Permission.SEE_REPORTS,
        Permission.EXPORT,
        Permission.SEE_SCORES,
        Permission.CHANGE_POLICY,
        Permission.SEE_MONEY,
        Permission.SEE_RULES,
        Permission.MUTE_CONDITIONS,
        Permission.SEE_OVERPAYMENTS,
    },
    Role.COMPLIANCE: {
        Permission.READ_CHARTS,
        Permission.SEE_REPORTS,
        Permission.SEE_TRAIL,
        Permission.SEE_SCORES,
        Permission.SEE_RULES,
        Permission.VERIFY_RULES,
        Permission.OVERRIDE,
        Permission.PACKET,
        Permission.REOPEN,
        Permission.SECOND_REVIEW,
        Permission.SEE_RELEASE,
        Permission.SEE_OVERPAYMENTS,
        Permission.WORK_OVERPAYMENTS,
        Permission.SEE_QUERIES,
    },
    Role.ADMINISTRATOR: set(),
}


def role_in(user: User, project: Project) -> Role | None:
    """The person's role, or None. Remembered on the user for the length of a request."""
    if not user.is_authenticated or not user.is_active:
        return None
    roles: dict[int, Role] | None = getattr(user, "_roles", None)
    if roles is None:
        roles = {pk: Role(role) for pk, role in user.memberships.values_list("project_id", "role")}
        user._roles = roles  # type: ignore[attr-defined]
    return roles.get(project.pk)


def can(user: User, permission: Permission, project: Project) -> bool:
    role = role_in(user, project)
    return role is not None and permission in ROLE_PERMISSIONS[role]


def check_can(user: User, permission: Permission, project: Project) -> None:
    if not can(user, permission, project):
        role = role_in(user, project)
        who = f"A {role.label}" if role else "Somebody who is not a member"
        raise NotAllowed(f"{who} may not {permission.value} in this project.")


def projects_with(user: User, permission: Permission) -> "list[Project]":
    """The projects in which the person holds the permission, in name order."""
    roles = [role for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]
    return list(Project.objects.where_role(user, *roles))


def can_anywhere(user: User, permission: Permission) -> bool:
    roles = [role for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]
    return user.is_authenticated and user.is_active and user.memberships.filter(role__in=roles).exists()


# --- Charts --------------------------------------------------------------------------------------------------------


def check_can_open_chart(user: User, chart: Chart) -> None:
    if not Chart.objects.visible_to(user).filter(pk=chart.pk).exists():
        raise NotAllowed(f"Chart {chart.pk} is not yours to open.")


def check_can_code_chart(user: User, chart: Chart) -> None:
    """Only the coder who holds the chart answers, and only while it is in review."""
    check_can(user, Permission.CODE, chart.project)
    if chart.status != ChartStatus.IN_REVIEW:
        raise NotAllowed(f"Chart {chart.pk} is not in review; it is {chart.get_status_display().lower()}.")
    if not chart.assignments.filter(coder=user, released_at=None).exists():
        raise NotAllowed(f"Chart {chart.pk} is held by somebody else.")


def can_code_chart(user: User, chart: Chart) -> bool:
    try:
        check_can_code_chart(user, chart)
    except NotAllowed:
        return False
    return True


def can_see_scores(user: User, project: Project) -> bool:
    """Roles that always do, and coders unless the project's policy hides scores from them."""
    if can(user, Permission.SEE_SCORES, project):
        return True
    return project.coders_see_scores and role_in(user, project) == Role.CODER


def check_can_see_scores(user: User, project: Project) -> None:
    if not can_see_scores(user, project):
        raise NotAllowed("This project hides scores from coders.")


def can_calculate(user: User) -> bool:
    """Whoever belongs to a project, in any role. A project that hides scores from its coders does so here too: it
    would be a way round."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.memberships.exclude(role=Role.CODER, project__coders_see_scores=False).exists()


def check_can_calculate(user: User) -> None:
    if not can_calculate(user):
        if user.memberships.exists():
            raise NotAllowed("Your project hides scores from coders, and so the calculator.")
        raise NotAllowed("The calculator is for members of a project. Ask your administrator for a role.")


# --- Compliance ----------------------------------------------------------------------------------------------------


def check_can_override_evidence(user: User, project: Project) -> None:
    """The role that the project's policy names; where it names none, nobody."""
    role = role_in(user, project)
    if not project.evidence_override_role or role != project.evidence_override_role:
        who = Role(project.evidence_override_role).label if project.evidence_override_role else "nobody"
        raise NotAllowed(f"In this project the evidence standard is overridden by: {who}.")


def can_override_evidence(user: User, project: Project) -> bool:
    try:
        check_can_override_evidence(user, project)
    except NotAllowed:
        return False
    return True


def check_can_see_release(user: User, project: Project) -> None:
    """Who sees what is held, and who may export."""
    if not can(user, Permission.EXPORT, project):
        check_can(user, Permission.SEE_RELEASE, project)


def check_can_review_second(user: User, decision: Decision) -> None:
    """A second credentialed person, never the coder."""
    check_can(user, Permission.SECOND_REVIEW, decision.suggestion.chart.project)
    if decision.decided_by_id == user.pk:
        raise NotAllowed("Nobody reviews their own decision.")
    if not user.credential:
        raise NotAllowed("A second reviewer needs a credential, such as CRC. Ask your administrator to enter yours.")


# --- Queries to providers ------------------------------------------------------------------------------------------


def check_can_work_on_query(user: User, query: ProviderQuery) -> None:
    """The coder who asked, or who holds the chart now, and the project's QA leads."""
    project = query.chart.project
    if can(user, Permission.WORK_QUERIES, project):
        return
    check_can(user, Permission.CODE, project)
    check_can_open_chart(user, query.chart)
    is_holder = query.chart.assignments.filter(coder=user, released_at=None).exists()
    if query.decision.decided_by_id != user.pk and not is_holder:
        raise NotAllowed(f"Query {query.pk} is a colleague's.")


def can_work_on_query(user: User, query: ProviderQuery) -> bool:
    try:
        check_can_work_on_query(user, query)
    except NotAllowed:
        return False
    return True


# --- QA ------------------------------------------------------------------------------------------------------------


def check_can_audit(user: User, review: QAReview) -> None:
    """The auditor of a decision is never its coder."""
    check_can(user, Permission.AUDIT, review.sample.project)
    if review.decision.decided_by_id == user.pk:
        raise NotAllowed("Nobody audits their own decision.")
