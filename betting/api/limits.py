"""Limits: what may stand at stake, and how much of it is used; set one with a reason."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import Limit
from betting.queries import uses
from betting.queries.uses import Use
from betting.services import limiting
from monitoring.rest.access import actor_of
from monitoring.rest.resources import (
    ACTING,
    ERRORS,
    ReadOnlyResource,
    refuse_unknown,
    resource,
)


class _Strict(serializers.Serializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no part of a limit is called, rather than pass over it."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise ValidationError(dict.fromkeys(unknown, "unknown: a limit has no such part"))
        return attrs


class LimitChange(_Strict):
    """What is to change, and why; it is audited with the values before and after."""

    share = serializers.FloatField(
        required=False, allow_null=True, help_text="Of the balance, above 0 and at most 1."
    )
    amount = serializers.DecimalField(14, 2, required=False, allow_null=True)
    number = serializers.DecimalField(9, 3, required=False, allow_null=True)
    is_enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=limiting.LONGEST_REASON)


class NewLimit(LimitChange):
    """On what, for whom, and how much; null: for every bankroll."""

    dimension = serializers.ChoiceField(choices=Limit.Dimension.choices)
    bankroll = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**62
    )


class LimitUse(serializers.Serializer):
    """How much of a limit in force is used by a bankroll, where it is used most."""

    limit = serializers.IntegerField()
    bankroll = serializers.IntegerField()
    is_simulated = serializers.BooleanField()
    dimension = serializers.ChoiceField(choices=Limit.Dimension.choices)
    where = serializers.CharField()
    used = serializers.DecimalField(18, 2)
    allowed = serializers.DecimalField(18, 2)
    share = serializers.FloatField()


class UseOf(serializers.Serializer):
    """Whose use is asked for; nobody named: that of every bankroll."""

    bankroll = serializers.IntegerField(required=False, min_value=1, max_value=2**62)


class LimitBase(ReadOnlyResource):
    """Limits: how much a bankroll may have at stake on something, or lose."""

    permissions = {
        "create": "betting.add_limit",
        "partial_update": "betting.change_limit",
        "use": "betting.view_limit",
    }


_Limits: Any = resource(
    Limit,
    fields=[
        "id", "bankroll", "dimension", "share", "amount", "number", "is_enabled", "reason",
        "changed_by", "changed_at",
    ],
    filters={
        "bankroll": ["exact", "isnull"],
        "dimension": ["exact"],
        "is_enabled": ["exact"],
    },
    base=LimitBase,
)  # fmt: skip


class Limits(_Limits):
    @extend_schema(request=NewLimit, responses={201: _Limits.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Set a limit; one that stands for the same bankroll and dimension is changed."""
        data = NewLimit(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        made = limiting.set_limit(
            bankroll_id=values.pop("bankroll"),
            actor=actor_of(request),
            now=timezone.now(),
            **values,
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LimitChange, responses={200: _Limits.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a limit, or switch it on or off; every bet reserved from then on heeds it."""
        data = LimitChange(data=request.data)
        data.is_valid(raise_exception=True)
        changed = limiting.change_limit(
            limit_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(changed).data)

    @extend_schema(parameters=[UseOf], responses={200: LimitUse(many=True), **ERRORS})
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def use(self, request: Request) -> Response:
        """Tell how much of each limit in force is used now, the tightest first."""
        refuse_unknown(request, {"bankroll"})
        asked = UseOf(data=request.query_params)
        asked.is_valid(raise_exception=True)
        whose = asked.validated_data.get("bankroll")
        found = uses.uses(now=timezone.now())
        return Response([_shown(use) for use in found if whose in (None, use.bankroll.pk)])


def _shown(use: Use) -> dict[str, Any]:
    return {
        "limit": use.limit_id,
        "bankroll": use.bankroll.pk,
        "is_simulated": use.bankroll.is_simulated,
        "dimension": use.dimension,
        "where": use.where,
        "used": f"{use.used:.2f}",
        "allowed": f"{use.allowed:.2f}",
        "share": round(use.share, 4),
    }
