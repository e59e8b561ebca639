"""How long history is kept: read, and change at what was read."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.api.imports import PreconditionFailed, PreconditionRequired
from markets.services import retiring
from monitoring.rest.access import actor_of
from monitoring.rest.problems import problems
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource

_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description='What the change is made to: "730-1-1", as ETag told it.',
)


class PolicyChange(serializers.Serializer):
    """What is to be changed, and why; the rest stays."""

    keep_days = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=retiring.DAYS_AT_MOST,
        help_text="null: for ever.",
    )
    exports_parquet = serializers.BooleanField(required=False)
    is_enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=250)


class PolicyBase(ReadOnlyResource):
    """How long rows of a table, or files of the archive, are kept."""

    permissions = {"partial_update": "markets.change_retentionpolicy"}


_Policies: Any = resource(
    models.RetentionPolicy,
    fields=[
        "id",
        "table",
        "keep_days",
        "exports_parquet",
        "is_enabled",
        "last_run_at",
        "last_retired",
    ],
    filters={"table": ["exact"], "is_enabled": ["exact"]},
    base=PolicyBase,
)
_ANSWER = _Policies.serializer_class


class RetentionPolicies(_Policies):
    @extend_schema(responses={200: _ANSWER, **ERRORS})
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one policy; ETag tells what a change is made to."""
        answer = self._retrieve(request, pk)
        answer["ETag"] = _etag(self.get_object())
        return answer

    @extend_schema(
        request=PolicyChange,
        parameters=[_MATCH],
        responses={200: _ANSWER, **ACTING, **problems(412, 428)},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change how long a table is kept, from the next run on; audited with the reason."""
        policy = self.get_object()
        expected = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
        if not expected:
            raise PreconditionRequired("Send If-Match with the ETag that you read.")
        data = PolicyChange(data=request.data)
        data.is_valid(raise_exception=True)
        changes = dict(data.validated_data)
        reason = changes.pop("reason")
        try:
            changed = retiring.change_policy(
                table=policy.table,
                changes=changes,
                actor=actor_of(request),
                reason=reason,
                now=timezone.now(),
                expected=expected,
            )
        except retiring.PolicyChanged as stale:
            raise PreconditionFailed(str(stale)) from stale
        answer = Response(self.get_serializer(changed).data)
        answer["ETag"] = _etag(changed)
        return answer


def _etag(policy: models.RetentionPolicy) -> str:
    return f'"{retiring.stamp_of(policy)}"'


RESOURCES: dict[str, Any] = {"retention-policies": RetentionPolicies}
