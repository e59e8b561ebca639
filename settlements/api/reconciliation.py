"""Reconciliation over HTTP: the runs, the differences, and what a person decides of one."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource
from settlements.models import ReconciliationItem, ReconciliationRun
from settlements.services import resolving

RESOLVE = "settlements.change_reconciliationitem"


class ResolveReason(serializers.Serializer):
    """Why it is resolved so."""

    reason = serializers.CharField(max_length=resolving.LONGEST_REASON)


class ItemBase(ReadOnlyResource):
    """Differences between our books and a venue's, or within our own."""

    permissions = {"accept": RESOLVE, "dismiss": RESOLVE}


_Items: Any = resource(
    ReconciliationItem,
    fields=[
        "id", "bankroll", "run", "kind", "venue", "key", "bet", "ours", "theirs", "difference",
        "at", "found_at", "seen_at", "state", "resolved_at", "resolved_by", "reason", "transfer",
    ],
    texts={"is_simulated": "bankroll.is_simulated"},
    filters={"bankroll": ["exact"], "kind": ["exact"], "state": ["exact"], "at": ("gte", "lt")},
    base=ItemBase,
)  # fmt: skip


class ReconciliationItems(_Items):
    @extend_schema(request=ResolveReason, responses={200: _Items.serializer_class, **ACTING})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Move the difference, so that both sides agree; the bet stays as it was settled."""
        return self._resolve(request, resolving.accept)

    @extend_schema(request=ResolveReason, responses={200: _Items.serializer_class, **ACTING})
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: str) -> Response:
        """Let the difference stand; it is opened again only if a value changes."""
        return self._resolve(request, resolving.dismiss)

    def _resolve(self, request: Request, how: Any) -> Response:
        data = ResolveReason(data=request.data)
        data.is_valid(raise_exception=True)
        item = how(
            item_id=self.get_object().pk, reason=data.validated_data["reason"],
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(item).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "reconciliation-runs": resource(
        ReconciliationRun,
        fields=[
            "id", "bankroll", "venue", "since", "until", "made_by", "made_at", "bets", "orders",
            "found", "opened", "resolved", "left_out", "profit_here", "profit_there",
            "commission_here", "commission_there", "failed",
        ],
        texts={"is_simulated": "bankroll.is_simulated"},
        filters={"bankroll": ["exact"], "since": ("gte", "lt"), "made_at": ("gte", "lt")},
    ),
    "reconciliation-items": ReconciliationItems,
}  # fmt: skip
