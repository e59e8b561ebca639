"""Phases of strategies: what is asked, asking, approving, turning down, falling back."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.domain import phases
from betting.models import PhaseChange, Strategy
from betting.queries import phases as queries
from betting.services import phasing
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, refuse_unknown, resource

PLAIN: dict[str, Any] = {"detail": True, "pagination_class": None, "filterset_class": None}


class PhaseReason(serializers.Serializer):
    reason = serializers.CharField(max_length=phasing.LONGEST, help_text="It is audited.")


class PhaseApproval(serializers.Serializer):
    reason = serializers.CharField(max_length=phasing.LONGEST, default="", allow_blank=True)


class FallingBack(PhaseReason):
    to = serializers.ChoiceField(
        choices=Strategy.Phase.choices,
        required=False,
        help_text="An earlier phase; the one before, unless told.",
    )


class PhaseCriterion(serializers.Serializer):
    name = serializers.CharField()
    asked = serializers.CharField(help_text="The bound in words.")
    value = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True)
    is_met = serializers.BooleanField()
    note = serializers.CharField()


class PhaseStanding(serializers.Serializer):
    """A strategy's phase, and what its bets come to beside what is asked."""

    strategy = serializers.IntegerField()
    phase = serializers.CharField()
    began_at = serializers.DateTimeField(allow_null=True)
    next = serializers.CharField(allow_null=True)
    criteria = PhaseCriterion(many=True)


class PhaseChangeBase(ReadOnlyResource):
    """Changes of a strategy's phase: asked, made, or turned down."""

    permissions = {
        "approve": "betting.change_phasechange",
        "turn_down": "betting.add_phasechange",
    }


_Changes: Any = resource(
    PhaseChange,
    fields=[
        "id",
        "strategy",
        "former",
        "wanted",
        "state",
        "reason",
        "criteria",
        "asked_by",
        "asked_at",
        "decided_by",
        "decided_at",
        "note",
    ],
    texts={"strategy_name": "strategy.name", "is_simulated": "strategy.bankroll.is_simulated"},
    filters={"strategy": ["exact"], "state": ["exact"], "wanted": ["exact"]},
    base=PhaseChangeBase,
)
_CHANGE = {200: _Changes.serializer_class, **ACTING}
_ASKED = {201: _Changes.serializer_class, **ACTING}


class PhaseChanges(_Changes):
    @extend_schema(request=PhaseApproval, responses=_CHANGE)
    @action(**PLAIN, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Let the strategy go on; the person is the holder of the token, not who asked."""
        return self._decided(request, PhaseApproval, phasing.approve, user_id=user_of(request).pk)

    @extend_schema(request=PhaseReason, responses=_CHANGE)
    @action(**PLAIN, methods=["post"], url_path="turn-down")
    def turn_down(self, request: Request, pk: str) -> Response:
        """Close the question; the strategy stays in its phase."""
        return self._decided(request, PhaseReason, phasing.turn_down)

    def _decided(
        self,
        request: Request,
        body: type[serializers.Serializer],
        decide: Callable[..., PhaseChange],
        **known: Any,
    ) -> Response:
        data = body(data=request.data)
        data.is_valid(raise_exception=True)
        change = decide(
            change_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
            **known,
        )
        return Response(self.get_serializer(change).data)


class PhaseDoors:
    """What the strategies' resource offers about their phases."""

    get_object: Callable[[], Strategy]

    @extend_schema(responses={200: PhaseStanding, **ERRORS})
    @action(**PLAIN)
    def phase(self, request: Request, pk: str) -> Response:
        """Return the phase with what is asked before the strategy goes on."""
        refuse_unknown(request, ())
        strategy = self.get_object()
        wanted = phases.following(strategy.phase)
        told = {
            "strategy": strategy.pk,
            "phase": strategy.phase,
            "began_at": queries.began_at(strategy_id=strategy.pk),
            "next": wanted,
            "criteria": phasing.criteria(strategy=strategy) if wanted else [],
        }
        return Response(PhaseStanding(told).data)

    @extend_schema(request=PhaseReason, responses=_ASKED)
    @action(**PLAIN, methods=["post"], url_path="phase/ask")
    def ask_phase(self, request: Request, pk: str) -> Response:
        """Ask that the strategy may go on to its next phase."""
        data = PhaseReason(data=request.data)
        data.is_valid(raise_exception=True)
        return self._made(request, phasing.ask, user_id=user_of(request).pk, **data.validated_data)

    @extend_schema(request=FallingBack, responses=_ASKED)
    @action(**PLAIN, methods=["post"], url_path="phase/fall-back")
    def fall_back(self, request: Request, pk: str) -> Response:
        """Put the strategy back into an earlier phase at once."""
        data = FallingBack(data=request.data)
        data.is_valid(raise_exception=True)
        return self._made(request, phasing.fall_back, **data.validated_data)

    def _made(self, request: Request, act: Callable[..., PhaseChange], **asked: Any) -> Response:
        change = act(
            strategy_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **asked,
        )
        return Response(_Changes.serializer_class(change).data, status=status.HTTP_201_CREATED)


PHASE_PERMISSIONS = {
    "phase": "betting.view_strategy",
    "ask_phase": "betting.add_phasechange",
    "fall_back": "betting.add_phasechange",
}
RESOURCES: dict[str, type[ReadOnlyResource]] = {"phase-changes": PhaseChanges}
