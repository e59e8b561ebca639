"""Groups of participants: conferences, divisions and those of ours; make them, join and leave."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import GroupMember, ParticipantGroup
from betting.services import grouping
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource


class _Strict(serializers.Serializer):
    reason = serializers.CharField(max_length=grouping.LONGEST_REASON)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is unknown, rather than pass over it."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise ValidationError(dict.fromkeys(unknown, "unknown: there is no such field"))
        return attrs


class NewGroup(_Strict):
    """A group; one of this sport, kind and name is changed."""

    sport = serializers.SlugField(max_length=30, help_text="The sport's code.")
    kind = serializers.ChoiceField(choices=ParticipantGroup.Kind.choices)
    name = serializers.CharField(max_length=80)
    discount = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The factor on a stake beside an open bet that shares the group; above 0, at"
        " most 1.",
    )


class _Members(_Strict):
    participants = serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=grouping.MOST_AT_ONCE
    )


class Joining(_Members):
    """Who belongs to a group from a day on; without one they always did."""

    since = serializers.DateField(required=False, allow_null=True, default=None)


class Leaving(_Members):
    """Who belongs to a group no more from a day on."""

    until = serializers.DateField()


class GroupBase(ReadOnlyResource):
    """Groups of participants that hang together."""

    permissions = dict.fromkeys(("create", "join", "leave"), "betting.change_participantgroup")


_Groups: Any = resource(
    ParticipantGroup,
    fields=["id", "kind", "name", "discount", "reason", "changed_by", "changed_at"],
    texts={"sport": "sport.code"},
    filters={"kind": ["exact"], "sport__code": ["exact"], "name": ["exact"]},
    base=GroupBase,
)
_ANSWER = _Groups.serializer_class


class Groups(_Groups):
    @extend_schema(request=NewGroup, responses={201: _ANSWER, **ACTING})
    def create(self, request: Request) -> Response:
        """Make a group, or change the discount of one that stands."""
        group = grouping.set_group(**_asked(NewGroup, request))
        return Response(self.get_serializer(group).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=Joining, responses={200: _ANSWER, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def join(self, request: Request, pk: str) -> Response:
        """Let participants belong to a group from a day on."""
        group = self.get_object()
        grouping.add_members(group_id=group.pk, **_asked(Joining, request))
        return Response(self.get_serializer(group).data)

    @extend_schema(request=Leaving, responses={200: _ANSWER, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def leave(self, request: Request, pk: str) -> Response:
        """Let participants belong to a group no more from a day on."""
        group = self.get_object()
        grouping.end_members(group_id=group.pk, **_asked(Leaving, request))
        return Response(self.get_serializer(group).data)


def _asked(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return {**data.validated_data, "actor": actor_of(request), "now": timezone.now()}


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "participant-groups": Groups,
    "group-members": resource(
        GroupMember,
        fields=["id", "group", "participant", "since", "until"],
        texts={"participant_name": "participant.name", "group_name": "group.name"},
        filters={"group": ["exact"], "participant": ["exact"]},
    ),
}
