"""The figures of a finished replay: the report that scripts rely on, key for key."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from django.db.models import F

from betting.models import Bankroll, Bet
from markets.models import Result, Selection
from models_ml.domain import scoring
from models_ml.models import ModelVersion, Prediction
from settlements import queries
from settlements.services import ledger

KEYS = (
    "events",
    "predictions",
    "bets",
    "turnover",
    "profit",
    "yield",
    "yield_low",
    "yield_high",
    "clv",
    "clv_low",
    "clv_high",
    "beat_close",
    "model_log_loss",
    "market_log_loss",
    "model_brier",
    "market_brier",
    "ledger_imbalance",
    "bets_digest",
)
_ROLES = (Selection.Role.HOME.value, Selection.Role.DRAW.value, Selection.Role.AWAY.value)


def figures(
    *, bankroll: Bankroll, version: ModelVersion, event_ids: Sequence[int], as_of: datetime
) -> dict[str, Any]:
    """Return the report of one replay: money as text, rates as numbers or None."""
    shown = queries.performance(bankroll_ids=[bankroll.pk])
    predicted = predictions(version=version)
    values: dict[str, Any] = {
        "events": len(event_ids),
        "predictions": len(predicted),
        "bets": Bet.objects.filter(bankroll=bankroll, status=Bet.Status.SETTLED).count(),
        "turnover": f"{shown.turnover:.2f}",
        "profit": f"{shown.profit:.2f}",
        **_rates(
            {
                "yield": shown.yield_.value,
                "yield_low": shown.yield_.low,
                "yield_high": shown.yield_.high,
                "clv": shown.clv.value,
                "clv_low": shown.clv.low,
                "clv_high": shown.clv.high,
                "beat_close": shown.beat_close.value,
                **scores(predicted=predicted, as_of=as_of),
            }
        ),
        "ledger_imbalance": f"{ledger.imbalance():.2f}",
        "bets_digest": digest(bankroll_id=bankroll.pk),
    }
    return {key: values[key] for key in KEYS}


def _rates(values: dict[str, float | None]) -> dict[str, float | None]:
    return {key: None if value is None else round(value, 6) for key, value in values.items()}


def predictions(*, version: ModelVersion) -> pd.DataFrame:
    """Return a version's predictions: event_id, role, model, market (NaN where unknown)."""
    rows = Prediction.objects.filter(version=version).values_list(
        "event_id", "selection__role", "probability", "market_probability"
    )
    frame = pd.DataFrame.from_records(list(rows), columns=["event_id", "role", "model", "market"])
    return frame.astype({"model": float, "market": float})


def scores(*, predicted: pd.DataFrame, as_of: datetime) -> dict[str, float | None]:
    """Return log loss and Brier score (sum form) of model and market over the same events.

    An event counts where both said something of all three roles and a final score is known.
    """
    names = ("model_log_loss", "market_log_loss", "model_brier", "market_brier")
    wide = predicted.pivot(index="event_id", columns="role", values=["model", "market"])
    outcome = _outcomes([int(event_id) for event_id in wide.index], as_of=as_of)
    complete = wide.dropna()
    complete = complete[complete.index.isin(list(outcome))]
    if complete.empty:
        return dict.fromkeys(names)
    model, market = (complete[who][list(_ROLES)].to_numpy() for who in ("model", "market"))
    happened = [outcome[event_id] for event_id in complete.index]
    return dict(
        zip(
            names,
            (
                scoring.log_loss(model, happened),
                scoring.log_loss(market, happened),
                scoring.brier(model, happened),
                scoring.brier(market, happened),
            ),
            strict=True,
        )
    )


def _outcomes(event_ids: list[int], *, as_of: datetime) -> dict[int, int]:
    """Return the place in ``_ROLES`` of what happened, by the results known then."""
    rows = (
        Result.objects.filter(event_id__in=event_ids, known_at__lte=as_of)
        .order_by("event_id", "-version")
        .distinct("event_id")
        .values_list("event_id", "status", "home_score", "away_score")
    )
    return {
        event_id: _winner(home, away)
        for event_id, status, home, away in rows
        if status == Result.Status.FINAL
    }


def _winner(home: int | None, away: int | None) -> int:
    if home is None or away is None:
        raise ValueError("a final result has a score; the database holds it to that")
    return 0 if home > away else 1 if home == away else 2


def digest(*, bankroll_id: int) -> str:
    """Return the SHA-256 over a bankroll's settled bets in settled order, by natural keys only."""
    bets = (
        Bet.objects.filter(bankroll_id=bankroll_id, status=Bet.Status.SETTLED)
        .annotate(
            starts_at=F("selection__market__event__starts_at"),
            home=F("selection__market__event__home__name"),
            away=F("selection__market__event__away__name"),
            kind=F("selection__market__kind"),
            role=F("selection__role"),
            line=F("selection__line"),
            book_code=F("book__code"),
        )
        .order_by("settled_at", "starts_at", "home", "away", "kind", "role", "line", "book_code")
    )
    columns = ("settled_at", "starts_at", "home", "away", "kind", "role", "line", "book_code")
    terms = ("side", "price", "stake", "outcome", "profit")
    sums = hashlib.sha256()
    for row in bets.values_list(*columns, *terms):
        sums.update(("|".join(map(_text, row)) + "\n").encode())
    return sums.hexdigest()


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else "" if value is None else str(value)
