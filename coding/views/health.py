"""Is it alive, and how far is the worker?"""

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import nlp
from coding.models import NlpRun
from coding.workflow import RunStatus


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers; the counts are of the current rule set's runs, and of all that wait."""
    waiting = Q(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
    runs = NlpRun.objects.filter(waiting | Q(ruleset=str(nlp.RULESET))).values("status").annotate(n=Count("pk"))
    counts = {row["status"]: row["n"] for row in runs}
    return JsonResponse(
        {
            "status": "ok",
            "version": settings.VERSION,
            "ruleset": str(nlp.RULESET),
            "notes": {status: counts.get(status, 0) for status in RunStatus.values},
        }
    )


urlpatterns = [path("healthz", healthz, name="healthz")]
