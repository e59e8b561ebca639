"""POST events/ID/line-up: whether a player starts, as a person knows it."""

from collections.abc import Callable

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets.domain import lineups as words
from markets.models import Event, Notice
from markets.services import lineups
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING


class ToldLineUp(serializers.Serializer):
    """Who, and whether he starts."""

    participant = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    status = serializers.ChoiceField(choices=words.STATUSES)
    reason = serializers.CharField(max_length=250)


class LineUpNotice(serializers.ModelSerializer):
    """What is known of the player from now on."""

    class Meta:
        model = Notice
        fields = ["id", "event", "participant", "status", "version", "known_at"]
        read_only_fields = fields


class LineUpDoors:
    """What the events' resource offers about who starts."""

    get_object: Callable[[], Event]

    @extend_schema(request=ToldLineUp, responses={200: LineUpNotice, **ACTING})
    @action(
        detail=True,
        methods=["post"],
        url_path="line-up",
        pagination_class=None,
        filterset_class=None,
    )
    def tell_line_up(self, request: Request, pk: str) -> Response:
        """Tell that a player starts, waits on the bench, or is out; it counts from now on."""
        data = ToldLineUp(data=request.data)
        data.is_valid(raise_exception=True)
        notice = lineups.tell(
            event_id=self.get_object().pk,
            participant_id=data.validated_data["participant"],
            status=data.validated_data["status"],
            actor=actor_of(request),
            reason=data.validated_data["reason"],
            now=timezone.now(),
        )
        return Response(LineUpNotice(notice).data)
