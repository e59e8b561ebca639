"""Whose probabilities a backtest bets on: predictions that were stored, or the market's own.

``predictions:PIPELINE`` and ``predictions:PIPELINE:VERSION``  what live betting decided on, or one
version said; ``replay:N``  of a season lived again; ``walk:N``  of a walk-forward, each step by a
model that had learned from nothing later; ``market``, ``market:KIND``  the margin-free reference
at the same moment, a baseline without any model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from markets.domain import kinds, odds
from models_ml.models import Pipeline, Replay, WalkForward
from monitoring.errors import Refused
from settlements.domain.backtesting import history
from settlements.domain.backtesting.history import Floats

PREDICTIONS, REPLAY, WALK, MARKET = "predictions", "replay", "walk", "market"


class UnknownSource(Refused):
    """Nobody of that name tells probabilities."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who tells probabilities, of which kind of market, and whether of simulated leagues."""

    name: str
    of: str
    kind: str
    is_simulated: bool
    number: int | None = None  # of the version, the replay, the walk-forward
    pipeline_id: int | None = None


class Told(NamedTuple):
    """What was told of each candidate: NaN where nothing was."""

    probability: Floats
    refund: Floats


def named(name: str, *, is_simulated: bool = False) -> Source:
    """Return the source of a name.

    Raises:
        UnknownSource: and says what a name may be.
    """
    of, _, rest = name.strip().partition(":")
    match of:
        case "market":
            return _market(rest or "MATCH_ODDS", name, is_simulated=is_simulated)
        case "predictions":
            code, _, version = rest.partition(":")
            return _of_pipeline(_pipeline(code), name, PREDICTIONS, _number(version, name))
        case "replay":
            return _replay(_number(rest, name), name)
        case "walk":
            number = _number(rest, name)
            walk = WalkForward.objects.select_related("pipeline").filter(pk=number or 0).first()
            if walk is None:
                raise UnknownSource(f"there is no walk-forward {rest or 'without a number'}")
            return _of_pipeline(walk.pipeline, name, WALK, number)
    raise UnknownSource(
        f"{name!r} tells no probabilities: predictions:PIPELINE[:VERSION], replay:N, walk:N or"
        " market[:KIND]"
    )


def _market(kind: str, name: str, *, is_simulated: bool) -> Source:
    if kind not in history.KINDS:
        raise UnknownSource(f"no score decides {kind!r}: {', '.join(history.KINDS)}")
    return Source(name, MARKET, kind, is_simulated)


def _replay(number: int | None, name: str) -> Source:
    replay = Replay.objects.select_related("competition").filter(pk=number or 0).first()
    if replay is None:
        raise UnknownSource(f"there is no replay {number or 'without a number'}")
    version = replay.versions.select_related("pipeline").first()
    if version is None:
        raise UnknownSource(f"replay {number} ended before it had a model")
    return _of_pipeline(version.pipeline, name, REPLAY, number)


def _of_pipeline(pipeline: Pipeline, name: str, of: str, number: int | None) -> Source:
    kind = pipeline.market_kind
    return Source(name, of, kind, pipeline.is_simulated, number, pipeline.pk)


def _pipeline(code: str) -> Pipeline:
    found = Pipeline.objects.filter(code=code).first()
    if found is None:
        known = ", ".join(Pipeline.objects.order_by("code").values_list("code", flat=True))
        raise UnknownSource(f"there is no pipeline {code!r}; there are: {known or 'none'}")
    return found


def _number(text: str, name: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise UnknownSource(f"{name!r}: {text!r} is no number")
    return int(text)


def read(
    source: Source,
    *,
    rows: Mapping[str, Any],
    prices: np.ndarray,
    books: Sequence[tuple[history.Book, int | None]],
    stage: str,
) -> Told:
    """Return what the source tells of each candidate; one query, or none."""
    match source.of:
        case "market":
            told = _reference(rows, prices, books, kind=source.kind)
            return Told(told, np.zeros(len(told)))
        case "walk":
            return _walked(source, rows)
    return _predicted(source, rows, stage=stage)


#: The first that was made is the one that was decided on.
_PREDICTED = """
select distinct on (p.selection_id) p.selection_id, p.probability, p.refund_probability
from models_ml_prediction p
join models_ml_modelversion v on v.id = p.version_id and v.pipeline_id = %(pipeline)s
join models_ml_featurerow r on r.id = p.feature_row_id and r.stage = %(stage)s
    and r.rehearsal_id is null and r.replay_id is not distinct from %(replay)s::bigint
where p.event_id = any(%(events)s) and (%(version)s::int is null or v.number = %(version)s)
order by p.selection_id, p.made_at, p.id
"""


def _predicted(source: Source, rows: Mapping[str, Any], *, stage: str) -> Told:
    told = {
        "pipeline": source.pipeline_id,
        "stage": stage,
        "replay": source.number if source.of == REPLAY else None,
        "version": source.number if source.of == PREDICTIONS else None,
        "events": np.unique(rows["event"]).tolist(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PREDICTED, told)
        found = {selection: tuple(rest) for selection, *rest in cursor.fetchall()}
    pairs = [found.get(selection, (np.nan, 0.0)) for selection in rows["selection"].tolist()]
    columns = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return Told(columns[:, 0], columns[:, 1])


def _walked(source: Source, rows: Mapping[str, Any]) -> Told:
    """Return what each step's own model said of the events of that step."""
    walk = WalkForward.objects.get(pk=source.number or 0)
    roles, said = kinds.ROLES[source.kind], {}
    for fold in walk.folds.filter(state="DONE").order_by("number"):
        board = fold.rows["board"]
        if "event" not in board:
            raise UnknownSource(f"{walk} kept no events: walk forward again")
        for event, told in zip(board["event"], board["said"].get("model", ()), strict=False):
            if told is not None and len(told) == len(roles):
                said[event] = dict(zip(roles, told, strict=True))
    pairs = zip(rows["event"].tolist(), rows["role"].tolist(), strict=True)
    chances = [said.get(event, {}).get(role, np.nan) for event, role in pairs]
    return Told(np.array(chances, dtype=np.float64), np.zeros(len(chances)))


def _reference(
    rows: Mapping[str, Any],
    prices: np.ndarray,
    books: Sequence[tuple[history.Book, int | None]],
    *,
    kind: str,
) -> Floats:
    """Return the margin-free probability by the first book of rank that quotes a whole market.

    Where none of them does, the mean of those that do.
    """
    roles = kinds.ROLES[kind]
    place = np.array([roles.index(role) for role in rows["role"].tolist()], dtype=np.int64)
    markets, number = np.unique(rows["market"], return_inverse=True)
    wide = np.zeros((len(markets), len(roles), len(books)))
    wide[number, place] = prices / 1000.0
    chosen, mean = np.full(wide.shape[:2], np.nan), np.zeros(wide.shape[:2])
    count = np.zeros(len(markets))
    ranked = sorted(range(len(books)), key=lambda at: (books[at][1] is None, books[at][1] or 0))
    for at in ranked:
        whole = (wide[:, :, at] > 1.0).all(axis=1) & books[at][0].is_enabled
        if not whole.any():
            continue
        fair = odds.remove_margin(wide[whole, :, at], method=odds.default_method(len(roles)))
        found = np.full(chosen.shape, np.nan)
        found[whole] = fair.probabilities
        known = np.isfinite(found).all(axis=1)
        if books[at][1] is not None:
            fresh = known & np.isnan(chosen[:, 0])
            chosen[fresh] = found[fresh]
        mean[known] += found[known]
        count[known] += 1
    lacking = np.isnan(chosen[:, 0]) & (count > 0)
    chosen[lacking] = mean[lacking] / count[lacking, None]
    return chosen[number, place]
