"""How the predictions that were really served turned out, over the last weeks."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml import queries
from models_ml.domain import boards, labels
from models_ml.domain.boards import Board
from models_ml.domain.examples import Examples
from models_ml.domain.facts import Asks
from models_ml.domain.features import microseconds
from models_ml.domain.scoring import slices
from models_ml.models import Evaluation, Pipeline
from models_ml.queries import facts as told
from models_ml.services import cards, evaluating, in_turn
from models_ml.services.cards import CLOSE, MARKET, MODEL
from monitoring.domain.progress import RunHandle

WEEKS, MOST_WEEKS = 4, 104
PLACE, WIN = boards.PLACE, "WIN"
#: Kinds whose live predictions can be told right from wrong by what is kept of results.
KINDS = ("MATCH_ODDS", "MONEYLINE", "SPREAD", "ASIAN_HANDICAP", "TOTAL", "PLAYER_TOTAL", WIN, PLACE)


class _Said(NamedTuple):
    """Questions asked live, one per row (of races one per runner), and the model's answers."""

    examples: Examples
    model: NDArray  # (n, k); of runners (n, 1)
    stage: NDArray
    version: NDArray


def recent(*, pipeline: Pipeline, weeks: int = WEEKS, now: datetime) -> dict[str, Any]:
    """Return the scores of what was served for events of the last weeks whose result is known.

    The last word before each start counts; of several lines the one nearest to even.  Keys are
    those of ``evaluating.evaluate``; there are no plain methods, for nobody asked them live, and
    ``slices`` knows the stages and versions.

    Raises:
        NothingToEvaluate: nothing was served, or no result is known yet.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise evaluating.NothingToEvaluate(f"1 to {MOST_WEEKS} weeks can be looked back over")
    if pipeline.market_kind not in KINDS:
        raise evaluating.NothingToEvaluate(f"nobody scores {pipeline.market_kind} live")
    since = now - timedelta(weeks=weeks)
    found = queries.live_predictions(pipeline=pipeline, since=since, until=now)
    said = _said(pipeline, found, now) if len(found) else None
    board = _board(pipeline, said) if said is not None else None
    if said is None or board is None or not len(board):
        raise evaluating.NothingToEvaluate(
            f"{pipeline}: nothing that was served in the last {weeks} weeks has a result yet"
        )
    figures = cards.beside_all(board=board, examples=said.examples)
    outcome, model = board.outcome, board.said[MODEL]
    for name, column in (("stage", said.stage), ("version", said.version)):
        figures["slices"][name] = slices.by(column[board.row], model, outcome)
    return {**figures, "exact": None, "weeks": weeks}


def recent_kept(*, pipeline: Pipeline, weeks: int = WEEKS, actor: str, now: datetime) -> Evaluation:
    """Score what was served and keep the figures; see ``recent``."""
    return evaluating.keep(
        version=None,
        pipeline=pipeline,
        kind=Evaluation.Kind.RECENT,
        since=now - timedelta(weeks=weeks),
        until=now,
        figures=recent(pipeline=pipeline, weeks=weeks, now=now),
        actor=actor,
        now=now,
    )


def recent_of_each(
    *,
    pipelines: Iterable[Pipeline],
    weeks: int = WEEKS,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> dict[str, Any]:
    """Score what each pipeline served and keep it; one without results takes no other's turn."""
    rows, refused = in_turn.each(
        pipelines,
        lambda row: recent_kept(pipeline=row, weeks=weeks, actor=actor, now=now),
        progress=progress,
    )
    return {"evaluations": [evaluating.summary(row=row) for row in rows], "refused": refused}


def _said(pipeline: Pipeline, found: pd.DataFrame, now: datetime) -> _Said | None:
    """Return the questions whose answers are known, in the order of their start."""
    roles = kinds.roles_of(pipeline.market_kind)
    key = ["event", "market", "participant"]
    rows = found.drop_duplicates(key).reset_index(drop=True)
    model, market = (
        found.pivot_table(index=key, columns="role", values=name, dropna=False)
        .reindex(index=pd.MultiIndex.from_frame(rows[key]), columns=list(roles))
        .to_numpy(dtype=float)
        for name in ("probability", "quoted")
    )
    keep = np.isfinite(model).all(axis=1)
    if pipeline.market_kind in kinds.LINE_KINDS:
        keep &= _nearest_to_even(rows, model, market)
    rows, model, market = rows[keep], model[keep], market[keep]
    examples = _examples(pipeline, rows, market, now)
    order = np.lexsort((examples.participant, examples.group, examples.starts))
    order = order[_answered(pipeline, examples)[order]]
    if not len(order):
        return None
    stage, version = rows["stage"].to_numpy(dtype=str), rows["version"].to_numpy()
    return _Said(examples.part(order), model[order], stage[order], version[order])


def _nearest_to_even(rows: pd.DataFrame, model: NDArray, market: NDArray) -> NDArray:
    """Tell which market of each event (and player) is the one nearest to even."""
    first = np.where(np.isnan(market[:, 0]), model[:, 0], market[:, 0])
    order = np.lexsort((rows["market"].to_numpy(), np.abs(first - 0.5)))
    repeated = rows.iloc[order].duplicated(["event", "participant"]).to_numpy()
    found = np.zeros(len(rows), dtype=bool)
    found[order[~repeated]] = True
    return found


def _answered(pipeline: Pipeline, examples: Examples) -> NDArray:
    answer = {WIN: examples.winner, PLACE: examples.placed, "PLAYER_TOTAL": examples.figure}
    return ~np.isnan(answer.get(pipeline.market_kind, examples.home))


def _examples(pipeline: Pipeline, rows: pd.DataFrame, market: NDArray, now: datetime) -> Examples:
    facts = told.facts(sport_id=pipeline.sport_id, is_simulated=pipeline.is_simulated, until=now)
    event = rows["event"].to_numpy(dtype=np.int64)
    participant = rows["participant"].to_numpy(dtype=np.int64)
    as_of = np.array([microseconds(one) for one in rows["as_of"]], dtype=np.int64)
    came = labels.labels(
        facts=facts, asks=Asks(event, participant, as_of), statistic=pipeline.statistic
    )
    closes = queries.closes(
        sport=pipeline.sport.code,
        market_kind=pipeline.market_kind,
        event_ids=event.tolist(),
        participants=participant.tolist(),
    )
    return Examples(
        event=event, participant=participant, group=event, competition=came.competition,
        season=came.season, week=came.week, starts=came.starts, as_of=as_of,
        label_known_at=as_of, values=np.full((len(event), 1), np.nan), home=came.home,
        away=came.away, figure=came.figure, winner=came.winner, placed=came.placed,
        market=market, close=closes.probability, market_line=rows["line"].to_numpy(dtype=float),
        close_line=closes.line,
    )  # fmt: skip


def _board(pipeline: Pipeline, said: _Said) -> Board:
    rows, kind = said.examples, pipeline.market_kind
    if kind == PLACE:
        return _of_placed(said)
    board = boards.board(market_kind=kind, examples=rows)
    if kind == WIN:
        chances = said.model[:, 0]
        model = boards.in_races(
            board=board, examples=rows, chances=boards.shares(chances, rows.group)
        )
        return board.saying(MODEL, model, first=True)
    if kind in kinds.LINE_KINDS:
        same = (rows.close_line == rows.market_line)[board.row]
        board = board.saying(CLOSE, np.where(same[:, None], rows.close[board.row], np.nan))
    return board.saying(MODEL, said.model[board.row], first=True)


def _of_placed(said: _Said) -> Board:
    """Return a row per runner: placed or not."""
    placed = said.examples.placed
    told_of = {MODEL: said.model[:, 0], MARKET: said.examples.market[:, 0]}
    return Board(
        unit="runner",
        row=np.arange(len(placed)),
        outcome=(placed == 0).astype(np.int64),
        weight=np.ones(len(placed)),
        said={name: boards.either(p) for name, p in told_of.items()},
    )
