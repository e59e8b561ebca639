"""Pause betting, and let it go on."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import TradingHalt
from betting.services import halting
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource


class Reason(serializers.Serializer):
    reason = serializers.CharField(max_length=500)


class NewHalt(Reason):
    scope = serializers.ChoiceField(choices=TradingHalt.Scope.choices, default="ALL")
    scope_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**62, default=None
    )


class HaltBase(ReadOnlyResource):
    """Halts: while one is not lifted, nothing in its scope is staked."""

    permissions = {"create": "betting.add_tradinghalt", "lift": "betting.change_tradinghalt"}


_Halts: Any = resource(
    TradingHalt,
    fields=[
        "id",
        "scope",
        "scope_id",
        "reason",
        "set_by",
        "set_at",
        "lifted_by",
        "lifted_at",
        "lift_reason",
    ],
    filters={"scope": ["exact"], "lifted_at": ["isnull"]},
    base=HaltBase,
)


class Halts(_Halts):
    @extend_schema(request=NewHalt, responses={201: _Halts.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Pause betting.  Pausing what is paused returns the halt that stands."""
        data = NewHalt(data=request.data)
        data.is_valid(raise_exception=True)
        made = halting.halt(**data.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

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
