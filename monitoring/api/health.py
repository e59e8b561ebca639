"""What machines ask: is it alive, is it ready, what are the numbers."""

import hmac
import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.services import health, metrics

LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")  # somebody else asks through a proxy


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer as long as this process serves requests; look at nothing else."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database is there with every table, else 503, with the parts."""
    report = health.readiness(timezone.now())
    return HttpResponse(
        json.dumps(report, default=str),
        status=200 if report["ready"] else 503,
        content_type="application/json",
    )


@never_cache
@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """Return the metrics to whoever holds the token, or sits on this machine where none is set."""
    token = settings.ENVIRONMENT.metrics_token.get_secret_value()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    allowed = (
        hmac.compare_digest(given.encode(), token.encode())
        if token
        else request.META.get("REMOTE_ADDR", "") in LOOPBACK
        and not any(header in request.headers for header in FORWARDED)
    )
    if not allowed:
        return HttpResponse("Not allowed.\n", status=403, content_type="text/plain")
    return HttpResponse(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")
