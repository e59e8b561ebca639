"""Holding bets against the closing line of their own selection.

The reference is the first book that closed this very selection with a margin that could be removed,
in the order of the competition's reference rule, else of the books' ranks; then the mean of the
bookmakers that did; the row names which.  A close older than ``OLDEST_CLOSE``, or one that is too
inexact to be one, counts as missing.  A bet whose line nobody closed on, because the market moved
off it, is valued by the close on another line, which the spread of the sport carries over to its
own; the row names that line too.  A value whose close is gone, as when the actual start was
corrected, is taken away.  Of a bet without one it is written why.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from models_ml.services import noting
from models_ml.services.noting import ClvOfVersion
from settlements import queries
from settlements.domain import clv, performance
from settlements.models import BetValue
from settlements.services import coverage, daily, moved_lines, value_rows
from settlements.services.moved_lines import Asked, Close, Own
from settlements.services.rule_sets import Rules
from settlements.services.spread_history import Shapes
from settlements.services.value_rows import Due

OLDEST_CLOSE = timedelta(hours=1)
RECENT = timedelta(days=2)  # what the frequent job looks back over; ``clv`` looks at all
CHUNK = 5_000


def value_due(
    *,
    as_of: datetime,
    now: datetime,
    bankroll_ids: Sequence[int] | None = None,
    since: datetime | None = None,
) -> int:
    """Value bets on events started by ``as_of``, and return how many values are new or changed.

    Looks at accepted bets and at those settled from ``since`` on (all of them without it); a
    value is written again only when its close or its bet changed, so a second call writes nothing.
    """
    ids = queries.bankrolls_to_settle() if bankroll_ids is None else list(bankroll_ids)
    shapes, written, after = Shapes(), 0, 0
    rules: Rules | None = None
    while ids:
        window: dict[str, Any] = {"ids": ids, "as_of": as_of, "since": since, "after": after}
        window |= {"size": CHUNK, "oldest": OLDEST_CLOSE, "now": now}
        with transaction.atomic():
            due = value_rows.due(window)
            if due:
                rules = rules or Rules.load()
                written += _value(due, shapes=shapes, rules=rules, as_of=as_of, now=now)
                daily.note_changed(bet_ids=[row.bet_id for row in due])
        if len(due) < CHUNK:
            break
        after = due[-1].bet_id
    return written


def _value(
    due: Sequence[Due], *, shapes: Shapes, rules: Rules, as_of: datetime, now: datetime
) -> int:
    """Write the values of a chunk; return how many are new or changed."""
    lost = [bet.bet_id for bet in due if bet.reference is None]
    moved = moved_lines.find(bet_ids=lost, as_of=as_of, oldest=OLDEST_CLOSE)
    own = _own(due, moved, shapes)
    valued = [bet for bet in due if bet.reference is not None or bet.bet_id in own]
    kept = {bet.bet_id for bet in valued}
    without = [bet_id for bet_id in lost if bet_id not in kept]
    value_rows.forget(without)
    coverage.note(bet_ids=without, as_of=as_of, now=now, oldest=OLDEST_CLOSE)
    coverage.valued(list(kept))
    return value_rows.write(_columns(valued, moved, own, rules), now=now) if valued else 0


def _own(due: Sequence[Due], moved: Mapping[int, Close], shapes: Shapes) -> dict[int, Own]:
    """Return what own lines were worth, where a stake may come back or the line moved."""
    asked: dict[int, Asked] = {}
    for bet in due:
        measure = moved_lines.measure_of(bet.kind)
        close = moved.get(bet.bet_id)
        if not measure or (bet.reference is None and close is None):
            continue
        if close is None and not bet.may_push:
            continue
        line = bet.line or 0.0
        asked[bet.bet_id] = Asked(
            role=bet.role, kind=bet.kind, line=line, question=bet.question(measure),
            closing_line=line if close is None else close.line,
            closing_price=float(bet.close if close is None else close.price),
            probability=float(bet.probability if close is None else close.probability),
        )  # fmt: skip
    found = moved_lines.price(list(asked.values()), shapes=shapes)
    return {pk: own for pk, own in zip(asked, found, strict=True) if own is not None}


def _columns(
    valued: Sequence[Due], moved: Mapping[int, Close], own: Mapping[int, Own], rules: Rules
) -> list[list[Any]]:
    """Return the columns of ``value_rows.COLUMNS``, but the moment."""
    rows = [_basis(bet, moved.get(bet.bet_id), own.get(bet.bet_id)) for bet in valued]
    price = np.array([bet.price for bet in valued], dtype=np.float64)
    lay = np.array([bet.is_lay for bet in valued])
    chance = np.array([row["closing_probability"] for row in rows], dtype=np.float64)
    closing = np.array([row.pop("own_price") for row in rows], dtype=np.float64)
    terms = [value_rows.commission_of(bet, rules) for bet in valued]
    rate = np.array([rate for rate, _ in terms], dtype=np.float64)
    taken = clv.cost(
        price=price, probability=chance, is_lay=lay, rate=rate,
        base=np.array([base for _, base in terms]),
    )  # fmt: skip
    fair = (clv.fair(price=price, probability=chance, is_lay=lay) - taken).tolist()
    raw = clv.raw(price=price, closing_price=closing, is_lay=lay).tolist()
    for at, (bet, row) in enumerate(zip(valued, rows, strict=True)):
        worth = clv.expected_profit(stake=bet.stake, clv=fair[at], refund=row["refund"])
        row |= {"bet_id": bet.bet_id, "clv": fair[at], "clv_raw": raw[at]}
        row |= {"price": bet.price, "stake": bet.stake, "expected_profit": worth}
        row["commission"] = terms[at][0]
    return [[row[name] for row in rows] for name in value_rows.COLUMNS]


def _basis(bet: Due, close: Close | None, own: Own | None) -> dict[str, Any]:
    """Return by which close a bet is valued; ``own_price``: what its own line cost there."""
    shape = {
        "refund": own.refund if own else 0.0,
        "distribution": own.distribution if own else "",
        "history": own.history if own else None,
    }
    if bet.reference is not None or close is None or own is None:
        return {
            **shape, "basis": BetValue.Basis.QUOTED.value, "reference": bet.reference,
            "method": bet.method, "closing_price": bet.close, "own_price": bet.close,
            "closing_probability": bet.probability, "close_age_seconds": bet.age,
            "closing_line": None, "line_probability": None,
        }  # fmt: skip
    return {
        **shape, "basis": BetValue.Basis.MOVED.value, "reference": close.reference,
        "method": close.method, "closing_price": close.price,
        "own_price": 1.0 / own.raw_probability, "closing_probability": own.probability,
        "close_age_seconds": close.age, "closing_line": close.line,
        "line_probability": close.probability,
    }  # fmt: skip


def note_versions(*, as_of: datetime) -> int:
    """Tell models what the bets of each version were worth; return of how many that is new.

    The mean margin-free value of bets that were not void, outside replays, with the interval of
    drawing events; a version with bets on one event alone has none and is left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_VERSION)
        found: dict[int, list[tuple[int, float]]] = {}
        for version, bets, value in cursor.fetchall():
            found.setdefault(version, []).append((bets, value))
    rows = []
    for version, events in found.items():
        bets, values = (np.array(column) for column in zip(*events, strict=True))
        rate = performance.ratio(top=values, bottom=bets)
        if rate.value is not None and rate.low is not None and rate.high is not None:
            low, high = min(rate.low, rate.value), max(rate.high, rate.value)
            rows.append(ClvOfVersion(version, int(bets.sum()), rate.value, low, high))
    return noting.note_clv(rows=rows, as_of=as_of)


_BY_VERSION = """
select p.version_id, count(*), sum(v.clv)
from settlements_betvalue v
join betting_bet b on b.id = v.bet_id
join betting_bankroll k on k.id = b.bankroll_id
join betting_decision d on d.id = b.decision_id
join models_ml_prediction p on p.id = d.prediction_id
where k.kind <> 'REPLAY' and b.outcome is distinct from 'VOID'
group by p.version_id, p.event_id order by p.version_id, p.event_id
"""
