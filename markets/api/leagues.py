"""POST competitions/ID/stop and /resume: simulated leagues of other sports."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets.services import steering_leagues
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource


class LeagueReason(serializers.Serializer):
    """Why a league is stopped or plays on; it is audited."""

    reason = serializers.CharField(max_length=250)


class LeagueState(serializers.Serializer):
    league = serializers.CharField()
    state = serializers.ChoiceField(choices=["PLAYING", "STOPPED"])
    cancelled = serializers.IntegerField(help_text="Events that it had not played.")


class CompetitionBase(ReadOnlyResource):
    """Competitions; a simulated one of another sport than the first can be stopped."""

    permissions = {"stop": "markets.change_source", "resume": "markets.change_source"}

    @extend_schema(request=LeagueReason, responses={200: LeagueState, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def stop(self, request: Request, pk: str) -> Response:
        """Stop a simulated league at once; what it has not played is cancelled."""
        return self._steered(request, steering_leagues.stop)

    @extend_schema(request=LeagueReason, responses={200: LeagueState, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Let a stopped league play on, with its next season."""
        return self._steered(request, steering_leagues.resume)

    def _steered(self, request: Request, steer: Callable[..., dict[str, Any]]) -> Response:
        data = LeagueReason(data=request.data)
        data.is_valid(raise_exception=True)
        state = steer(
            code=self.get_object().code,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(LeagueState(state).data)
