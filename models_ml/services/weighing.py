"""The evidence for a promotion: the candidate held against what it must beat, gate by gate."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml import queries
from models_ml.domain import evidence, feature_sets, features, gates
from models_ml.domain.boards import Board
from models_ml.domain.estimators import Estimator
from models_ml.domain.examples import Examples
from models_ml.domain.gates import Clv, Gate, Paired
from models_ml.domain.scoring import intervals
from models_ml.models import ModelVersion, PromotionPolicy, Proposal, VersionClv
from models_ml.services import cards, examples, loading, past_week
from models_ml.services.cards import CLOSE, MARKET, MODEL
from models_ml.services.past_week import SERVING, Past
from models_ml.services.storing import DamagedArtefact

Stage = ModelVersion.Stage


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """What the candidate never learned from, what it says of it and what others say.

    ``board`` is put up at the lines of the stage, ``closed`` at those of the close; of kinds
    without lines the two are one.  ``ends`` is the last start of the test part, µs.
    """

    version: ModelVersion
    champion: ModelVersion | None
    policy: gates.Policy
    examples: Examples
    board: Board
    closed: Board
    ends: int

    def starts(self, board: Board) -> NDArray:
        return self.examples.starts[board.row]

    def in_test(self, board: Board) -> NDArray:
        """Tell which rows are the candidate's test part; the others came later."""
        return self.starts(board) <= self.ends

    @property
    def test(self) -> Board:
        return self.board.part(self.in_test(self.board))

    @property
    def past(self) -> Past:
        kind, at_close = self.version.pipeline.market_kind, self.board is self.closed
        return Past(market_kind=kind, examples=self.examples, test=self.test, at_close=at_close)


def weigh(*, version: ModelVersion, now: datetime) -> dict[str, Any]:
    """Return a candidate's evidence with the answer of every gate, as the table keeps it.

    A version that cannot be loaded, or whose test part is unknown, has only the gates that can
    be asked; one that was not asked stays shut.
    """
    row = queries.policy(pipeline=version.pipeline)
    policy = _policy(row)
    asked = [gates.fresh(trained_until=version.trained_until, now=now, policy=policy)]
    found: dict[str, Any] = {}
    try:
        estimator = loading.load_fresh(version=version)
    except (DamagedArtefact, loading.FeaturesChanged) as error:
        asked.append(gates.sound(str(error)))
    else:
        asked.append(gates.sound(None))
        weighed = _weighed(version, estimator, policy, now)
        if weighed is not None:
            asked += _asked(weighed)
            found = {"cards": _cards(weighed), "week": past_week.shown(past=weighed.past)}
        else:
            asked.append(gates.enough(n=0, policy=policy))
    bundle = {
        "format": 1,
        "weighed_at": now.isoformat(),
        "version": _named(version),
        "champion": _named(champion) if (champion := _champion(version)) else None,
        "calibration": version.calibration,
        "parameters": version.parameters,
        "policy": _shown(row),
        "gates": {gate.name: _told(gate) for gate in asked},
        **found,
    }
    return json.loads(evidence.canonical(bundle))


def _policy(row: PromotionPolicy) -> gates.Policy:
    days = row.expires_after_days
    return gates.Policy(
        slope_tolerance=row.slope_tolerance,
        minimum_test_rows=row.minimum_test_rows,
        minimum_challenger_bets=row.minimum_challenger_bets,
        too_good_sigma=row.too_good_sigma,
        wants_significance=row.wants_significance,
        expires_after=None if days is None else timedelta(days=days),
    )


def _shown(row: PromotionPolicy) -> dict[str, Any]:
    return {
        "slope_tolerance": row.slope_tolerance,
        "minimum_test_rows": row.minimum_test_rows,
        "minimum_challenger_bets": row.minimum_challenger_bets,
        "too_good_sigma": row.too_good_sigma,
        "wants_significance": row.wants_significance,
        "expires_after_days": row.expires_after_days,
    }


def _named(version: ModelVersion) -> dict[str, Any]:
    return {
        "id": version.pk,
        "name": str(version),
        "artefact_sha256": version.artefact_sha256,
        "features_sha256": version.features_sha256,
        "code_version": version.code_version,
        "trained_from": version.trained_from.isoformat(),
        "trained_until": version.trained_until.isoformat(),
        "n_rows": version.n_rows,
        "seed": version.seed,
    }


def _told(gate: Gate) -> dict[str, Any]:
    figures = {name: _finite(value) for name, value in gate.figures.items()}
    return {"state": gate.state.value, "why": gate.text, "figures": figures}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _champion(version: ModelVersion) -> ModelVersion | None:
    rows = ModelVersion.objects.filter(pipeline_id=version.pipeline_id, stage=Stage.PRODUCTION)
    return rows.select_related("pipeline").first()


def _weighed(
    version: ModelVersion, estimator: Estimator, policy: gates.Policy, now: datetime
) -> _Weighed | None:
    """Return the test part and what was played since; None where the version tells of no test."""
    part = (version.metrics.get("parts") or {}).get("test") or {}
    if not part.get("from") or not part.get("to"):
        return None
    first, last = (features.microseconds(datetime.fromisoformat(part[n])) for n in ("from", "to"))
    pipeline = version.pipeline
    feature_set = feature_sets.named(pipeline.feature_set)
    every = examples.examples(pipeline=pipeline, until=now)
    later = every.starts >= features.microseconds(version.trained_until)
    chosen = (every.starts >= first) & ((every.starts <= last) | later)
    if feature_set.grain != "RUNNER":  # a race stays whole
        chosen &= ~feature_set.says_nothing(every.values)
    if not chosen.any():
        return None
    rows = every.part(chosen)
    past = every.part(every.label_known_at <= rows.as_of.min())
    champion = _champion(version)

    def put_up(*, at_close: bool) -> Board:
        board = cards.boarded(
            market_kind=pipeline.market_kind, estimator=estimator, examples=rows, past=past,
            feature_set=feature_set, at_close=at_close,
        )  # fmt: skip
        return _with_champion(board, champion, rows, at_close)

    board = put_up(at_close=False)
    closed = put_up(at_close=True) if pipeline.market_kind in kinds.LINE_KINDS else board
    found = _Weighed(version, champion, policy, rows, board, closed, last)
    few, more = (int(found.in_test(one).sum()) for one in (board, closed))
    if few < policy.minimum_test_rows and few < more:
        return replace(found, board=closed)  # hardly a line was quoted at the stage
    return found


def _with_champion(
    board: Board, champion: ModelVersion | None, rows: Examples, at_close: bool
) -> Board:
    """Return a board with the words of what serves, where something whole does."""
    if champion is None:
        return board
    try:
        estimator = loading.load(version=champion)
    except (DamagedArtefact, loading.FeaturesChanged):
        return board  # its own incident tells; there is nobody to be held against
    told = cards.said_by(
        market_kind=champion.pipeline.market_kind, estimator=estimator, board=board,
        examples=rows, at_close=at_close,
    )  # fmt: skip
    return replace(board, said={**board.said, SERVING: told})


def _asked(weighed: _Weighed) -> list[Gate]:
    policy, test = weighed.policy, weighed.test
    asked = [gates.enough(n=_events(weighed, test), policy=policy)]
    if len(test) < 2:
        return asked  # nothing to draw a difference or a line from
    card = test.card(MODEL) if test.known(MODEL).any() else {}
    return [
        *asked,
        _brier(weighed),
        gates.slope(
            slope=card.get("slope"),
            low=card.get("slope_low"),
            high=card.get("slope_high"),
            policy=policy,
        ),
        past_week.smoke(past=weighed.past),
        gates.too_good(difference=_against_the_close(weighed), policy=policy),
        _challenger(weighed),
    ]


def _events(weighed: _Weighed, board: Board) -> int:
    """Return how many rows are of their own: of places, a race's runners are one."""
    if board.unit != "runner":
        return len(board)
    return len(np.unique(weighed.examples.group[board.row]))


def _brier(weighed: _Weighed) -> Gate:
    """Hold the candidate against the best method that looks at no prices."""
    test = weighed.test
    means: dict[str, float] = {}
    for name in test.said:
        spoke = test.known(name)
        if name not in (MODEL, MARKET, CLOSE, SERVING) and spoke.any():
            means[name] = float(test.part(spoke).briers(name).mean())
    difference = None
    if means:
        best = min(means, key=means.__getitem__)
        difference = _paired(weighed, test, best, Board.briers)
    if difference is None:
        text = "no plain method has anything to say of these events"
        return Gate("brier", gates.State.FAILED, text, {})
    return gates.brier(difference=difference, baseline=best, policy=weighed.policy)


def _paired(
    weighed: _Weighed, board: Board, other: str, loss: Callable[[Board, str], NDArray]
) -> Paired | None:
    """Return how much more the candidate lost where both spoke; weeks are drawn whole."""
    both = board.known(MODEL) & board.known(other)
    if both.sum() < 2:
        return None
    mine = board.part(both)
    weeks = weighed.examples.week[mine.row]
    found = intervals.paired(loss(mine, MODEL) - loss(mine, other), clusters=weeks)
    return Paired(found.n, found.mean, found.low, found.high)


def _against_the_close(weighed: _Weighed) -> Paired | None:
    closed = weighed.closed
    test = closed.part(weighed.in_test(closed))
    return _paired(weighed, test, CLOSE, Board.log_losses)


def _challenger(weighed: _Weighed) -> Gate:
    """Hold the candidate against what serves, on events that neither has learned from."""
    champion, difference = weighed.champion, None
    if champion is not None:
        fair = weighed.starts(weighed.board) >= features.microseconds(champion.trained_until)
        difference = _paired(weighed, weighed.board.part(fair), SERVING, Board.log_losses)
    return gates.challenger(
        difference=difference,
        tried=_tried(weighed.version, champion),
        policy=weighed.policy,
        clv=_clv(weighed.version, champion),
    )


def _tried(version: ModelVersion, champion: ModelVersion | None) -> int:
    """Return how many candidates were proposed against this champion, this one among them."""
    rows = Proposal.objects.filter(version__pipeline_id=version.pipeline_id)
    if champion is not None:
        rows = rows.exclude(version=champion)
        if champion.promoted_at:
            rows = rows.filter(proposed_at__gte=champion.promoted_at)
    return 1 + rows.exclude(version=version).values("version").distinct().count()


def _clv(version: ModelVersion, champion: ModelVersion | None) -> tuple[Clv, Clv] | None:
    latest = [
        VersionClv.objects.filter(version=one).order_by("-as_of").first()
        for one in (version, champion)
        if one is not None
    ]
    found = [Clv(row.n, row.mean, row.low, row.high) for row in latest if row is not None]
    return (found[0], found[1]) if len(found) == 2 else None


def _cards(weighed: _Weighed) -> dict[str, Any]:
    """Return the scores of everybody on the test part, each on the rows where it spoke."""
    test, closed = weighed.test, weighed.closed
    found = {name: _card(test, name) for name in test.said}
    if CLOSE not in found:  # a kind with lines, whose close has lines of its own
        found[CLOSE] = _card(closed.part(weighed.in_test(closed)), CLOSE)
    return found


def _card(board: Board, name: str) -> dict[str, Any] | None:
    known = board.known(name)
    if not known.any():
        return None
    card = board.card(name)
    return {"n": int(known.sum()), **{figure: _finite(value) for figure, value in card.items()}}
