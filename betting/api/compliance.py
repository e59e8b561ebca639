"""What law and oneself allow: limits, rules of books, rests that nobody ends early."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting import models
from betting.services import complying
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

_WIDEST_ID = 2**62


class Reasoned(serializers.Serializer):
    """A change with its reason; what it does not name stays as it is."""

    reason = serializers.CharField(max_length=complying.LONGEST_REASON)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what there is no such thing of, rather than pass over it."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise ValidationError(dict.fromkeys(unknown, "unknown: there is no such field"))
        return attrs


def _id() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=_WIDEST_ID)


def _most() -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=12, decimal_places=2, required=False, allow_null=True, help_text="null: none."
    )


class LimitsChange(Reasoned):
    bankroll = _id()
    jurisdiction = serializers.CharField(
        max_length=6, required=False, allow_blank=True, help_text="Where it is: GB, US-NJ."
    )
    max_day_stake = _most()
    max_day_loss = _most()
    max_session_stake = _most()
    max_session_loss = _most()
    session_minutes = serializers.IntegerField(min_value=1, max_value=1440, required=False)


class BookRuleChange(Reasoned):
    book = _id()
    jurisdictions = serializers.ListField(
        child=serializers.CharField(max_length=6), max_length=100, required=False
    )
    is_banned = serializers.BooleanField(required=False)
    banned_reason = serializers.CharField(max_length=250, required=False, allow_blank=True)
    push_rule = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    overtime_rule = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class NewCoolDown(Reasoned):
    bankroll = serializers.IntegerField(
        min_value=1, max_value=_WIDEST_ID, required=False, allow_null=True, default=None,
        help_text="null: everything.",
    )  # fmt: skip
    ends_at = serializers.DateTimeField(help_text="It may be made later, and never earlier.")


class LaterEnd(Reasoned):
    ends_at = serializers.DateTimeField()


class LimitsBase(ReadOnlyResource):
    """What bankrolls may stake and lose in a day and in a session."""

    permissions = {"create": "betting.change_gaminglimits"}


class BookRuleBase(ReadOnlyResource):
    """Where books may be bet with, which are banned, how they settle pushes and overtime."""

    permissions = {"create": "betting.change_bookrule"}


class CoolDownBase(ReadOnlyResource):
    """Rests that somebody imposed: made longer by anybody, ended early by nobody."""

    permissions = {"create": "betting.add_cooldown", "lengthen": "betting.add_cooldown"}


_Limits: Any = resource(
    models.GamingLimits,
    fields=["id", "bankroll", *complying.LIMITS, "changed_by", "changed_at"],
    filters={"bankroll": ["exact"]},
    base=LimitsBase,
)
_Rules: Any = resource(
    models.BookRule,
    fields=["id", "book", *complying.RULES, "changed_by", "changed_at"],
    texts={"book_code": "book.code"},
    filters={"book": ["exact"], "is_banned": ["exact"]},
    base=BookRuleBase,
)
_CoolDowns: Any = resource(
    models.CoolDown,
    fields=["id", "bankroll", "begins_at", "ends_at", "reason", "set_by"],
    filters={"bankroll": ["exact"], "ends_at": ["gte", "lt"]},
    base=CoolDownBase,
)


class GamingLimits(_Limits):
    @extend_schema(request=LimitsChange, responses={200: _Limits.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Change a bankroll's limits; the next bet heeds them."""
        data = _valid(LimitsChange, request)
        row = complying.set_limits(
            bankroll_id=data.pop("bankroll"),
            actor=actor_of(request),
            now=timezone.now(),
            **data,
        )
        return Response(self.get_serializer(row).data)


class BookRules(_Rules):
    @extend_schema(request=BookRuleChange, responses={200: _Rules.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Change a book's rules; the next bet heeds them."""
        data = _valid(BookRuleChange, request)
        row = complying.set_rule(
            book_id=data.pop("book"), actor=actor_of(request), now=timezone.now(), **data
        )
        return Response(self.get_serializer(row).data)


class CoolDowns(_CoolDowns):
    @extend_schema(request=NewCoolDown, responses={201: _CoolDowns.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Impose a rest.  Nobody ends it early."""
        data = _valid(NewCoolDown, request)
        row = complying.cool_down(
            bankroll_id=data["bankroll"],
            until=data["ends_at"],
            reason=data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LaterEnd, responses={200: _CoolDowns.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def lengthen(self, request: Request, pk: str) -> Response:
        """Let a rest end later; an earlier end is refused."""
        data = _valid(LaterEnd, request)
        row = complying.lengthen(
            cool_down_id=self.get_object().pk,
            until=data["ends_at"],
            reason=data["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(row).data)


def _valid(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "gaming-limits": GamingLimits,
    "book-rules": BookRules,
    "cool-downs": CoolDowns,
}
