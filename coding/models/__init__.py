from coding.models.charts import (
    Chart,
    Claim,
    Document,
    DocumentPage,
    DocumentPart,
    Encounter,
    Enrollment,
    FirstPassCode,
    Member,
    Note,
)
from coding.models.compliance import (
    FinishedReview,
    OverpaymentCase,
    Override,
    Reopening,
    RuleVerification,
    SecondReview,
    StoredAssessment,
)
from coding.models.conditions import Mute, RuleSet
from coding.models.projects import BaseRate, Membership, Project, Role, User
from coding.models.provider_queries import ProviderQuery
from coding.models.qa import QAReview, QASample
from coding.models.queues import Assignment, Escalation
from coding.models.suggestions import Decision, EvidenceSpan, NlpRun, Suggestion
from coding.models.trail import TrailEvent, TrailHead

__all__ = [
    "Assignment",
    "BaseRate",
    "Chart",
    "Claim",
    "Decision",
    "Document",
    "DocumentPage",
    "DocumentPart",
    "Encounter",
    "Enrollment",
    "Escalation",
    "EvidenceSpan",
    "FinishedReview",
    "FirstPassCode",
    "Member",
    "Membership",
    "Mute",
    "NlpRun",
    "Note",
    "OverpaymentCase",
    "Override",
    "Project",
    "ProviderQuery",
    "QAReview",
    "QASample",
    "Reopening",
    "Role",
    "RuleSet",
    "RuleVerification",
    "SecondReview",
    "StoredAssessment",
    "Suggestion",
    "TrailEvent",
    "TrailHead",
    "User",
]
