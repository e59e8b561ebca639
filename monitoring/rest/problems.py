"""Every error answer is ``application/problem+json`` (RFC 9457)."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler

from monitoring.errors import OutsideFailed, Refused

MEDIA_TYPE = "application/problem+json"


class ProblemSerializer(serializers.Serializer):
    """The shape of every error: what, why and, for bad input, which field."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """Add ``errors``, a name that the class itself uses for something else."""
        errors = serializers.ListField(
            child=serializers.DictField(child=serializers.CharField()), required=False
        )
        return {**super().get_fields(), "errors": errors}


def problems(*codes: int) -> dict[Any, type[serializers.Serializer]]:
    """Return what the OpenAPI document says of error answers."""
    return {(code, MEDIA_TYPE): ProblemSerializer for code in codes}


class UnprocessableContent(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "The request contradicts an earlier one."
    default_code = "unprocessable"


def answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn an exception into a problem; None lets a fault of ours rise to Sentry and a 500."""
    if isinstance(exc, Refused):
        return _problem(409, "Refused", str(exc), type(exc).__name__)
    if isinstance(exc, OutsideFailed):
        return _problem(503, "Not available", str(exc), type(exc).__name__)
    response = default_handler(exc, dict(context))
    if response is None:
        return None
    errors = list(_errors(exc.detail)) if isinstance(exc, exceptions.ValidationError) else []
    detail = "The request is not valid." if errors else _detail(exc)
    problem = _problem(response.status_code, response.status_text, detail, _code(exc), errors)
    for header in ("Allow", "WWW-Authenticate", "Retry-After"):
        if header in response.headers:
            problem[header] = response.headers[header]
    return problem


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that nothing serves: as a problem under /api/, else as a page."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    body = _body(404, "Not Found", "There is no such thing here.", "not_found")
    return JsonResponse(body, status=404, content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours without telling anything of it."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    body = _body(500, "Server Error", "The fault is ours and was recorded.", "error")
    return JsonResponse(body, status=500, content_type=MEDIA_TYPE)


def _problem(
    status_code: int, title: str, detail: str, code: str, errors: list[dict[str, str]] | None = None
) -> Response:
    return Response(
        _body(status_code, title, detail, code, errors),
        status=status_code,
        content_type=MEDIA_TYPE,
    )


def _body(
    status_code: int, title: str, detail: str, code: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status_code,
        "detail": detail,
        "code": code,
    }
    return {**body, "errors": errors} if errors else body


def _detail(exc: Exception) -> str:
    if isinstance(exc, Http404):
        return "There is no such thing here."
    if isinstance(exc, PermissionDenied):
        return "You may not do this."
    return str(getattr(exc, "detail", exc))


def _code(exc: Exception) -> str:
    if isinstance(exc, Http404):
        return "not_found"
    if isinstance(exc, exceptions.ValidationError):
        return "invalid"
    return str(getattr(exc, "default_code", "error"))


def _errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _errors(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _errors(inner, field)
    else:
        yield {"field": field, "message": str(detail)}
