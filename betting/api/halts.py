"""Pause betting, and let it go on."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import TradingHalt
from betting.services import halting, stopping
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource


class Reason(serializers.Serializer):
    reason = serializers.CharField(max_length=500)


class NewHalt(Reason):
    scope = serializers.ChoiceField(choices=TradingHalt.Scope.choices, default="ALL")
    scope_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**62, default=None
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="It ends by itself; null: never."
    )
    is_reduce_only = serializers.BooleanField(
        default=False, help_text="Let through bets that lower what their market can cost."
    )


class StoppedOut(serializers.Serializer):
    """What an emergency stop came to; ``open`` counts orders that nobody has an answer for."""

    halt = serializers.IntegerField()
    incident = serializers.IntegerField()
    asked = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    matched = serializers.IntegerField()
    rejected = serializers.IntegerField()
    open = serializers.IntegerField()
    part = serializers.IntegerField(help_text="Of those taken back: matched in part.")
    failed = serializers.DictField(child=serializers.CharField())


class HaltBase(ReadOnlyResource):
    """Halts: while one stands, nothing in its scope is staked, or only what lowers exposure."""

    permissions = {
        "create": "betting.add_tradinghalt",
        "emergency_stop": "betting.add_tradinghalt",
        "lift": "betting.change_tradinghalt",
    }


_Halts: Any = resource(
    TradingHalt,
    fields=[
        "id",
        "scope",
        "scope_id",
        "rule",
        "is_reduce_only",
        "reason",
        "set_by",
        "set_at",
        "expires_at",
        "lifted_by",
        "lifted_at",
        "lift_reason",
    ],
    filters={"scope": ["exact"], "rule": ["exact"], "lifted_at": ["isnull"]},
    base=HaltBase,
)


class Halts(_Halts):
    @extend_schema(request=NewHalt, responses={201: _Halts.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Pause betting.  What is paused as strictly and as long returns the halt that stands."""
        data = NewHalt(data=request.data)
        data.is_valid(raise_exception=True)
        made = halting.halt(**data.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=Reason, responses={200: StoppedOut, **ACTING})
    @action(
        detail=False,
        methods=["post"],
        url_path="emergency-stop",
        pagination_class=None,
        filterset_class=None,
    )
    def emergency_stop(self, request: Request) -> Response:
        """Stop all staking, take back what is not matched, open a P0 incident."""
        data = Reason(data=request.data)
        data.is_valid(raise_exception=True)
        stopped = stopping.stop_everything(
            **data.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(stopped.as_dict())

    @extend_schema(request=Reason, responses={200: _Halts.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def lift(self, request: Request, pk: str) -> Response:
        """Let betting go on in the halt's scope."""
        data = Reason(data=request.data)
        data.is_valid(raise_exception=True)
        lifted = halting.lift(
            halt_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(lifted).data)
