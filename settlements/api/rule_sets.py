"""Rule sets over HTTP: read every version, make the next one, say which bets it pays."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets.models import Market
from monitoring.rest.access import actor_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, refuse_unknown, resource
from settlements.domain import rule_choice
from settlements.domain.terms import Terms
from settlements.models import RuleSet, RuleUse
from settlements.services import comparing, rule_sets


class NewVersion(serializers.Serializer):
    """The terms of the next version: all that differ from the usual ones."""

    code = serializers.SlugField(max_length=40)
    terms = serializers.DictField(help_text="docs/settlement.md says what each term means.")
    since = MomentField(required=False, help_text="Pays bets struck from then on; now by default.")
    reason = serializers.CharField(max_length=rule_sets.LONGEST_REASON)


class Difference(serializers.Serializer):
    """A term that differs from the version before; of a first one, from the usual terms."""

    term = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()


class NewUse(serializers.Serializer):
    """Whose bets a rule set pays; what is left out is every one."""

    code = serializers.SlugField(max_length=40)
    book = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    sport = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    market_kind = serializers.ChoiceField(
        choices=Market.Kind.choices, required=False, allow_blank=True, default=""
    )
    reason = serializers.CharField(max_length=rule_sets.LONGEST_REASON)


class UseDropped(serializers.Serializer):
    """Why a use is taken back."""

    reason = serializers.CharField(max_length=rule_sets.LONGEST_REASON)


class Dropped(serializers.Serializer):
    dropped = serializers.CharField()


class CompareAsked(serializers.Serializer):
    imported = serializers.IntegerField(min_value=1, max_value=2**62, help_text="An import's id.")
    other = serializers.SlugField(max_length=40, help_text="The rule set held against.")


class DifferentBet(serializers.Serializer):
    reference = serializers.CharField()
    market = serializers.IntegerField()
    profit = serializers.DecimalField(14, 2)
    profit_other = serializers.DecimalField(14, 2)
    amount = serializers.DecimalField(14, 2)


class CauseOut(serializers.Serializer):
    """Why bets brought something else: how many, by how much in all, the first of them."""

    bets = serializers.IntegerField()
    amount = serializers.DecimalField(16, 2)
    rows = DifferentBet(many=True)


class ComparisonOut(serializers.Serializer):
    """Profits are net of commission."""

    imported = serializers.IntegerField()
    file = serializers.CharField()
    under = serializers.CharField()
    other = serializers.CharField()
    bets = serializers.IntegerField()
    same = serializers.IntegerField()
    unjudged = serializers.IntegerField()
    profit = serializers.DecimalField(16, 2)
    profit_other = serializers.DecimalField(16, 2)
    commission = serializers.DecimalField(16, 2)
    commission_other = serializers.DecimalField(16, 2)
    causes = serializers.DictField(child=CauseOut())


class RuleSetBase(ReadOnlyResource):
    """What books pay by where they differ, version by version."""

    permissions = {
        "create": "settlements.add_ruleset",
        "differences": "settlements.view_ruleset",
        "compare": "settlements.view_ruleset",
    }


class RuleUseBase(ReadOnlyResource):
    """Which rule set pays whose bets."""

    permissions = {
        "create": "settlements.change_ruleuse",
        "drop": "settlements.change_ruleuse",
    }


_RuleSets: Any = resource(
    RuleSet,
    fields=["id", "code", "version", "terms", "since", "reason", "made_by", "made_at"],
    filters={"code": ["exact"]},
    base=RuleSetBase,
)
_RuleUses: Any = resource(
    RuleUse,
    fields=["id", "code", "reason", "changed_by", "changed_at"],
    texts={"book": "book.code", "sport": "sport.code"},
    figures={
        "market_kind": serializers.CharField(read_only=True, help_text='"": every kind.'),
    },
    filters={"code": ["exact"], "market_kind": ["exact"]},
    base=RuleUseBase,
)


class RuleSets(_RuleSets):
    @extend_schema(request=NewVersion, responses={201: _RuleSets.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Make the next version of a rule set; those before stay, and so does what they paid."""
        data = NewVersion(data=request.data)
        data.is_valid(raise_exception=True)
        made = rule_sets.make_version(
            **data.validated_data, actor=actor_of(request), now=timezone.now()
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: Difference(many=True), **ERRORS})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def differences(self, request: Request, pk: str) -> Response:
        """Tell what this version pays otherwise than the one before."""
        row = self.get_object()
        before = rule_sets.earlier(row)
        found = rule_choice.differences(
            rule_sets.read(before).terms if before else Terms(), rule_sets.read(row).terms
        )
        return Response([{"term": t, "before": was, "after": now} for t, was, now in found])

    @extend_schema(parameters=[CompareAsked], responses={200: ComparisonOut, **ACTING})
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def compare(self, request: Request) -> Response:
        """Tell what the bets of an import would have brought under another rule set, and why."""
        refuse_unknown(request, {"imported", "other"})
        asked = CompareAsked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = comparing.compare(
            import_id=asked.validated_data["imported"], code=asked.validated_data["other"],
            as_of=timezone.now(),
        )  # fmt: skip
        return Response(ComparisonOut(found.as_dict()).data)


class RuleUses(_RuleUses):
    @extend_schema(request=NewUse, responses={201: _RuleUses.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Put a rule set to use; one that stands for the same book, sport and kind is changed."""
        data = NewUse(data=request.data)
        data.is_valid(raise_exception=True)
        made = rule_sets.set_use(**data.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=UseDropped, responses={200: Dropped, **ACTING})
    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Take a use back: what is less specific counts again."""
        data = UseDropped(data=request.data)
        data.is_valid(raise_exception=True)
        told = rule_sets.drop_use(
            use_id=self.get_object().pk, reason=data.validated_data["reason"],
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response({"dropped": told})


RESOURCES: dict[str, type[ReadOnlyResource]] = {"rule-sets": RuleSets, "rule-uses": RuleUses}
