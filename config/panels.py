"""Panels that look over several apps at once: what is coming, with prices and predictions."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max

from markets.models import Book, Event, LatestPrice, Selection
from models_ml import queries as models_ml
from models_ml.models import ModelVersion, Prediction
from monitoring import registry

COMING = 8
NAME = "config.coming"


def register() -> None:
    """Register the panels, once."""
    if NAME not in registry.panels:
        registry.panel(
            NAME, title="Coming events", template="dashboard/panel_coming.html", order=35, width=12
        )(coming)


def coming(now: datetime) -> Mapping[str, object]:
    """Return the next events with the best price, the model and the market on each selection."""
    events = list(
        Event.objects.filter(starts_at__gt=now - timedelta(minutes=1), status="SCHEDULED")
        .select_related("competition")
        .order_by("starts_at")[:COMING]
    )
    keys = [event.pk for event in events]
    selections = _selections(keys)
    prices, said = _prices(keys), _predictions(keys)
    looks = models_ml.looks_of(event_ids=keys)
    return {
        "rows": [
            {
                "event": event,
                "looks": looks.get(event.pk, []),
                "answers": [
                    _answer(selection, prices.get(selection.pk), said.get(selection.pk))
                    for selection in selections[event.pk]
                ],
            }
            for event in events
        ],
    }


def _answer(selection: Selection, price: Any, prediction: Prediction | None) -> dict[str, Any]:
    ours = prediction.probability if prediction else None
    edge = ours * float(price) - 1 if ours is not None and price else None
    return {
        "selection": selection,
        "price": price,
        "ours": ours,
        "market": prediction.market_probability if prediction else None,
        "edge": edge,
    }


def _selections(event_ids: list[int]) -> dict[int, list[Selection]]:
    found: dict[int, list[Selection]] = defaultdict(list)
    rows = Selection.objects.filter(
        market__event_id__in=event_ids, market__kind="MATCH_ODDS", market__period="FULL"
    )
    order = {"HOME": 0, "DRAW": 1, "AWAY": 2}
    for row in sorted(rows.select_related("market"), key=lambda row: order.get(row.role, 3)):
        found[row.market.event_id].append(row)
    return found


def _prices(event_ids: list[int]) -> dict[int, Any]:
    """Return the best price now of each selection among books that take bets."""
    rows = LatestPrice.objects.filter(
        book__kind__in=Book.TAKES_BETS,
        book__is_enabled=True,
        selection__market__event_id__in=event_ids,
        selection__market__kind="MATCH_ODDS",
        selection__market__period="FULL",
    )
    return dict(rows.values_list("selection_id").annotate(best=Max("price")))


def _predictions(event_ids: list[int]) -> dict[int, Prediction]:
    """Return the latest word of the serving versions on each selection."""
    rows = Prediction.objects.filter(
        event_id__in=event_ids,
        version__stage=ModelVersion.Stage.PRODUCTION,
        feature_row__rehearsal__isnull=True,
    ).order_by("as_of", "pk")
    return {row.selection_id: row for row in rows}
