"""A backtest's bets as a file, and its money as a line."""

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from settlements.domain import rules
from settlements.domain.backtesting import calendars, measuring
from settlements.domain.backtesting.engine import Bets, Ground
from settlements.domain.backtesting.history import NEVER
from settlements.domain.backtesting.plans import Plan
from settlements.models import Backtest

POINTS = 400  # of a curve


def curve(bets: Bets, plan: Plan) -> list[list[Any]]:
    """Return money, fall from the best and mean CLV by moment of payment, at most ``POINTS``."""
    points = measuring.equity(bets, plan)
    if not points:
        return []
    moments = np.array([at for at, _ in points])
    money = np.array([cents for _, cents in points], dtype=np.int64)
    peak = np.maximum.accumulate(money)
    counted = measuring.counts(bets) & np.isfinite(bets.clv)
    order = np.argsort(bets.settles[counted], kind="stable")
    clv, paid = bets.clv[counted][order], bets.settles[counted][order]
    upto = np.searchsorted(paid, moments, side="right")
    total = np.concatenate([[0.0], np.cumsum(clv)])
    chosen = np.unique(
        np.linspace(0, len(points) - 1, min(len(points), POINTS)).round().astype(int)
    )
    return [
        [
            calendars.moment(int(moments[at])).isoformat(),
            f"{Decimal(int(money[at])).scaleb(-2):.2f}",
            round(float((peak[at] - money[at]) / peak[at]), 6) if peak[at] > 0 else None,
            round(float(total[upto[at]] / upto[at]), 6) if upto[at] else None,
        ]
        for at in chosen.tolist()
    ]


def parquet(ground: Ground, bets: Bets) -> bytes:
    """Return every bet as a Parquet file: money in minor units, prices in thousandths."""
    history, at = ground.history, bets.place
    codes = np.array([book.code for book in history.books] or [""])
    outcomes = np.array([*(one.value for one in rules.OUTCOMES), ""])
    never = bets.settles == NEVER
    table = pa.table({
        "event": history.event[at],
        "selection": history.selection[at],
        "role": history.role[at],
        "book": codes[bets.book] if len(bets) else np.array([], dtype=str),
        "placed_at": pa.array(history.as_of[at], pa.timestamp("us", tz="UTC")),
        "starts_at": pa.array(history.starts[at], pa.timestamp("us", tz="UTC")),
        "settled_at": pa.array(bets.settles, pa.timestamp("us", tz="UTC"), mask=never),
        "probability": history.probability[at],
        "price": bets.price,
        "edge": bets.edge,
        "stake": bets.stake,
        "outcome": outcomes[bets.outcome],
        "profit": bets.profit,
        "commission": bets.commission,
        "clv": pa.array(bets.clv, mask=np.isnan(bets.clv)),
        "clv_raw": pa.array(bets.clv_raw, mask=np.isnan(bets.clv_raw)),
    })  # fmt: skip
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def bets_of(row: Backtest) -> list[dict[str, Any]]:
    """Return every bet of a backtest that is done: money in minor units, prices in thousandths."""
    return [] if row.bets is None else _table(row).to_pylist()


def _table(row: Backtest) -> Any:
    return pq.read_table(io.BytesIO(bytes(row.bets or b"")))
