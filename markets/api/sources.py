"""Where data comes from, how it fares, what each look brought; switching and resetting."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models, queries
from markets.services import breaking, switching, unchanged
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, refuse_unknown, resource

TIME = ("gte", "lt")


class Because(serializers.Serializer):
    """Why a source is switched or asked again; it is audited."""

    reason = serializers.CharField(max_length=250)


class Health(serializers.Serializer):
    """How a source fares; looks, latency, errors and rows are those of the last 24 hours."""

    id = serializers.IntegerField(source="pk")
    code = serializers.CharField()
    name = serializers.CharField()
    is_enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField()
    is_simulated = serializers.BooleanField()
    is_read = serializers.BooleanField(help_text="It is read on schedule.")
    cadence_seconds = serializers.IntegerField()
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    is_stale = serializers.BooleanField(
        help_text="Last read some cadences ago: markets.source-stale-after."
    )
    needs_a_look = serializers.BooleanField()
    failures_in_a_row = serializers.IntegerField()
    not_before = serializers.DateTimeField(allow_null=True)
    breaker_state = serializers.ChoiceField(choices=models.Source.Breaker.choices)
    breaker_retry_at = serializers.DateTimeField(allow_null=True)
    quota_limit = serializers.IntegerField(allow_null=True)
    quota_used = serializers.IntegerField(allow_null=True)
    quota_remaining = serializers.IntegerField(allow_null=True)
    quota_forecast = serializers.FloatField(
        allow_null=True, help_text="Share of the limit used by its end, at the pace so far."
    )
    is_quota_low = serializers.BooleanField()
    looks = serializers.IntegerField(source="looks.total")
    success_share = serializers.FloatField(source="looks.success_share", allow_null=True)
    p50_ms = serializers.FloatField(source="looks.p50_ms", allow_null=True)
    p95_ms = serializers.FloatField(source="looks.p95_ms", allow_null=True)
    errors_by_kind = serializers.DictField(source="looks.errors", child=serializers.IntegerField())
    rows_read = serializers.IntegerField(source="looks.rows_read")
    rows_parked = serializers.IntegerField(source="looks.rows_parked")
    rows_rejected = serializers.IntegerField(source="looks.rows_rejected")
    prices_refused = serializers.DictField(
        source="looks.refused",
        child=serializers.IntegerField(),
        help_text="Prices that the gate turned away, by the reason.",
    )


class HealthQuery(serializers.Serializer):
    needs_a_look = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Only those that fail, are stale or left alone; or only the others.",
    )


class SourceBase(ReadOnlyResource):
    """Sources, how they fare, and what an operator may do with one."""

    permissions = {
        "enable": "markets.change_source",
        "disable": "markets.change_source",
        "reset_breaker": "markets.change_source",
        "reread": "markets.change_source",
    }


_Sources: Any = resource(
    models.Source,
    fields=[
        "id",
        "code",
        "name",
        "is_enabled",
        "disabled_reason",
        "location",
        "time_zone",
        "options",
        "cadence_seconds",
        "timeout_seconds",
        "creates_names",
        "creates_players",
        "last_success_at",
        "last_attempt_at",
        "failures_in_a_row",
        "breaker_state",
        "not_before",
        "quota_remaining",
        "is_simulated",
    ],
    filters={"code": ["exact"], "is_enabled": ["exact"], "breaker_state": ["exact"]},
    base=SourceBase,
)


class Sources(_Sources):
    @extend_schema(parameters=[HealthQuery], responses={200: Health(many=True), **ERRORS})
    @action(detail=False, pagination_class=None, filterset_class=None)
    def health(self, request: Request) -> Response:
        """Return how every source fares: latency, success, errors, breaker, quota."""
        refuse_unknown(request, HealthQuery().fields)
        asked = HealthQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        only = asked.validated_data.get("needs_a_look")
        found = queries.source_health(now=timezone.now())
        shown = [source for source in found if only is None or source.needs_a_look == only]
        return Response(Health(shown, many=True).data)

    @extend_schema(request=Because, responses={200: _Sources.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def enable(self, request: Request, pk: str) -> Response:
        """Read the source again at its cadence."""
        return self._changed(request, switching.enable)

    @extend_schema(request=Because, responses={200: _Sources.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def disable(self, request: Request, pk: str) -> Response:
        """Stop reading the source until somebody enables it."""
        return self._changed(request, switching.disable)

    @extend_schema(request=Because, responses={200: _Sources.serializer_class, **ACTING})
    @action(
        detail=True,
        methods=["post"],
        url_path="reset-breaker",
        pagination_class=None,
        filterset_class=None,
    )
    def reset_breaker(self, request: Request, pk: str) -> Response:
        """Ask the source again from its next look on, whatever made it wait."""
        return self._changed(request, breaking.reset)

    @extend_schema(request=Because, responses={200: _Sources.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def reread(self, request: Request, pk: str) -> Response:
        """Ask every address of the source whole once more, changed or not."""
        return self._changed(request, unchanged.forget)

    def _changed(self, request: Request, change: Any) -> Response:
        data = Because(data=request.data)
        data.is_valid(raise_exception=True)
        source = change(
            source_code=self.get_object().code,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(source).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "sources": Sources,
    "fetches": resource(
        models.Fetch,
        fields=[
            "id",
            "origin",
            "state",
            "started_at",
            "finished_at",
            "counts",
            "error",
            "error_kind",
            "latency_ms",
            "bytes",
            "rows_read",
            "rows_loaded",
            "rows_unchanged",
            "rows_parked",
            "rows_rejected",
        ],
        texts={"is_simulated": "source.is_simulated", "source": "source.code"},
        filters={
            "source__code": ["exact"],
            "state": ["exact"],
            "error_kind": ["exact"],
            "started_at": TIME,
        },
        orderings=["-started_at", "started_at", "-id", "id"],
    ),
    "fetch-problems": resource(
        models.FetchProblem,
        fields=["id", "fetch", "file", "row", "field", "message", "is_rejection"],
        texts={"source": "fetch.source.code", "is_simulated": "fetch.source.is_simulated"},
        filters={
            "fetch": ["exact"],
            "fetch__source__code": ["exact"],
            "is_rejection": ["exact"],
        },
    ),
    "asked-addresses": resource(
        models.AskedAddress,
        fields=[
            "id",
            "source",
            "address",
            "etag",
            "last_modified",
            "read_at",
            "unchanged_at",
            "times_unchanged",
        ],
        texts={"source_code": "source.code"},
        filters={"source": ["exact"], "source__code": ["exact"], "read_at": TIME},
        orderings=["-read_at", "read_at", "-id", "id"],
    ),
    "payload-looks": resource(
        models.PayloadLook,
        fields=["id", "fetch", "name", "ordinal", "fetched_at"],
        texts={
            "source": "fetch.source.code",
            "sha256": "payload.sha256",
            "size": "payload.size",
            "is_simulated": "fetch.source.is_simulated",
        },
        filters={
            "fetch": ["exact"],
            "fetch__source__code": ["exact"],
            "payload__sha256": ["exact"],
            "fetched_at": TIME,
        },
        orderings=["-fetched_at", "fetched_at", "-id", "id"],
    ),
}
