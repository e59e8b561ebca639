"""POST events/ID/enter-result: a result that a person knows."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.api.lineups import LineUpDoors
from markets.domain import entries
from markets.domain.entries import Entry
from markets.services import entering
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource


def _score() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=entries.HIGHEST
    )


class EnteredResult(serializers.Serializer):
    """What happened on the field, and how that is known."""

    status = serializers.ChoiceField(choices=entries.STATUSES)
    home_score = _score()
    away_score = _score()
    home_score_half = _score()
    away_score_half = _score()
    winner = serializers.ChoiceField(
        choices=models.Result.Winner.choices,
        required=False,
        allow_blank=True,
        default="",
        help_text="Needed where a side gave up or did not come.",
    )
    order = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="Of a race: the numbers as they came in, dead heats with =: 4=5, 2.",
    )
    reason = serializers.CharField(max_length=250)


class StandingResult(serializers.ModelSerializer):
    """The version that stands now."""

    class Meta:
        model = models.Result
        fields = ["id", "event", "version", "status", "home_score", "away_score", "winner",
                  "known_at"]  # fmt: skip
        read_only_fields = fields


class EventBase(LineUpDoors, ReadOnlyResource):
    """Events, and the result that a person enters where the sources are wrong."""

    permissions = {"enter_result": "markets.add_result", "tell_line_up": "markets.add_notice"}

    @extend_schema(request=EnteredResult, responses={200: StandingResult, **ACTING})
    @action(
        detail=True,
        methods=["post"],
        url_path="enter-result",
        pagination_class=None,
        filterset_class=None,
    )
    def enter_result(self, request: Request, pk: str) -> Response:
        """Enter the event's result: it wins open disputes, and its bets are settled by it."""
        data = EnteredResult(data=request.data)
        data.is_valid(raise_exception=True)
        told: dict[str, Any] = data.validated_data
        row = entering.enter(
            event_id=self.get_object().pk,
            entry=Entry(
                status=told["status"],
                score=(told["home_score"], told["away_score"]),
                half=(told["home_score_half"], told["away_score_half"]),
                winner=told["winner"],
                order=told["order"],
            ),
            actor=actor_of(request),
            reason=told["reason"],
            now=timezone.now(),
        )
        return Response(StandingResult(row).data)
