from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler

from monitoring.errors import Refused


def exception_handler(exc: Exception, context: dict) -> Response | None:
    """Answer 409 to a refusal; leave everything else to REST framework."""
    if isinstance(exc, Refused):
        return Response({"detail": str(exc), "code": type(exc).__name__}, status=409)
    return default_handler(exc, context)
