"""The margin-free close of markets: never a feature, only what models are held against."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets import queries as markets_queries
from markets.domain import kinds
from markets.models import Event, Market, Selection

SUM_TOLERANCE = 1e-6
#: Whose close is believed where a sport's sources have one that takes no bets.
CHAINS = {
    "american_football": ("pinnacle", "betfair_sp", "nflverse_close", "consensus"),
    "basketball": ("pinnacle", "betfair_sp", "nba_games_line", "consensus"),
}
#: Where a sport's files tell the line of a close without its prices: kind -> key of the event's
#: data.  Such a line is one that both sides were taken at alike; of a handicap it is home's.
LINES_ALONE = {"basketball": {"SPREAD": "spread", "TOTAL": "total"}}


class Closes(NamedTuple):
    """Closing probabilities of a market's answers, NaN where none is known, and its line."""

    probability: NDArray  # (n, k); of runners (n, 1)
    line: NDArray  # (n,)


def closes(
    *, sport: str, market_kind: str, event_ids: Sequence[int], participants: Sequence[int] = ()
) -> Closes:
    """Return the close of each event's market of a kind, in the order of the events.

    By the reference chain of the close, its margin taken off.  Of several lines it is the one
    nearest to even; where a line is known without prices, both sides are even there.  Of races it
    is the close of each runner named beside its event.  Takes a fixed number of queries.
    """
    wanted = sorted(set(event_ids))
    fair = markets_queries.closing_fair(
        event_ids=wanted, kinds=[market_kind], chain=CHAINS.get(sport)
    )
    if market_kind in kinds.RUNNER_KINDS:
        return _of_runners(fair, event_ids, participants)
    found = _of_matches(fair, market_kind, event_ids)
    key = LINES_ALONE.get(sport, {}).get(market_kind)
    return _with_lines_alone(found, event_ids, key) if key else found


def _with_lines_alone(found: Closes, event_ids: Sequence[int], key: str) -> Closes:
    """Fill in the lines that are told without prices, where no priced close is known."""
    told = dict(Event.objects.filter(pk__in=list(event_ids)).values_list("pk", f"data__{key}"))
    lines = np.array([_number(told.get(event)) for event in event_ids], dtype=float)
    open_ = np.isnan(found.probability).any(axis=1) & np.isfinite(lines)
    probability = np.where(open_[:, None], 1.0 / found.probability.shape[1], found.probability)
    return Closes(probability, np.where(open_, lines, found.line))


def _number(value: object) -> float:
    """Return a figure of an event's data; NaN for what is none.

    >>> _number(-6.5), _number("pk"), _number(True)
    (-6.5, nan, nan)
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else np.nan  # type: ignore[arg-type]


def _of_runners(
    fair: pd.DataFrame, event_ids: Sequence[int], participants: Sequence[int]
) -> Closes:
    names = dict(
        Selection.objects.filter(pk__in=fair["selection_id"].tolist()).values_list(
            "pk", "participant_id"
        )
    )
    told = {
        (event, names[selection]): probability
        for event, selection, probability in zip(
            fair["event_id"], fair["selection_id"], fair["fair_probability"], strict=True
        )
    }
    found = [told.get(pair, np.nan) for pair in zip(event_ids, participants, strict=True)]
    return Closes(np.array(found, dtype=float).reshape(-1, 1), np.full(len(found), np.nan))


def _of_matches(fair: pd.DataFrame, market_kind: str, event_ids: Sequence[int]) -> Closes:
    roles = kinds.ROLES[market_kind]
    found = np.full((len(event_ids), len(roles)), np.nan)
    lines = np.full(len(event_ids), np.nan)
    fair = fair[fair["role"].isin(roles)]
    wide = fair.pivot_table(
        index=["event_id", "market_id"], columns="role", values="fair_probability"
    ).reindex(columns=list(roles))
    whole = wide[np.abs(wide.sum(axis=1, skipna=False) - 1.0) < SUM_TOLERANCE].reset_index()
    if whole.empty:
        return Closes(found, lines)
    told = _lines(whole["market_id"].tolist())
    whole["line"] = [told.get(market, np.nan) for market in whole["market_id"]]
    whole["uneven"] = (whole[roles[0]] - 1 / len(roles)).abs()
    chosen = whole.sort_values(["event_id", "uneven", "line", "market_id"], kind="stable")
    chosen = chosen.drop_duplicates("event_id").set_index("event_id").reindex(list(event_ids))
    return Closes(chosen[list(roles)].to_numpy(dtype=float), chosen["line"].to_numpy(dtype=float))


def _lines(market_ids: Sequence[int]) -> dict[int, float]:
    rows = Market.objects.filter(pk__in=market_ids).values_list("pk", "line")
    return {market: float(line) for market, line in rows if line is not None}
