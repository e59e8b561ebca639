"""The evidence for a promotion: the candidate held against what it must beat, gate by gate."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets import queries as markets_queries
from models_ml import queries
from models_ml.domain import boosting, evidence, feature_sets, features, gates, scoring
from models_ml.domain.boosting import CLASSES, TrainingSet
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.gates import Clv, Gate, Paired
from models_ml.models import ModelVersion, PromotionPolicy, Proposal, VersionClv
from models_ml.services import examples, loading
from models_ml.services.storing import DamagedArtefact

SHOWN = 10  # events of the past week laid out for the approvers
PLACES = 6  # decimals of their probabilities
WEEK_US = 7 * 24 * 3600 * 1_000_000
Stage = ModelVersion.Stage


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The events the candidate never learned from, what it says of them and what others say."""

    version: ModelVersion
    champion: ModelVersion | None
    policy: gates.Policy
    rows: TrainingSet
    ours: NDArray  # (n, 3)
    theirs: NDArray | None  # the champion's, (n, 3)
    in_test: NDArray  # (n,) bool: the candidate's test part; the others came later

    def test(self, values: NDArray) -> NDArray:
        return values[self.in_test]


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
        weighed = None
        if isinstance(estimator, ThreeWay):
            weighed = _rows(version, estimator, policy, now)
        if weighed:
            asked += _asked(weighed)
            found = {"cards": _cards(weighed), "week": _week_shown(weighed)}
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


def _rows(
    version: ModelVersion, estimator: ThreeWay, policy: gates.Policy, now: datetime
) -> _Weighed | None:
    """Return the test part and what was played since; None where the version tells of no test."""
    part = (version.metrics.get("parts") or {}).get("test") or {}
    if not part.get("from") or not part.get("to"):
        return None
    first, last = (datetime.fromisoformat(part[name]) for name in ("from", "to"))
    known = examples.examples(pipeline=version.pipeline, until=now, since=first)
    rows = TrainingSet(known.event, known.starts, known.values, known.outcome)
    in_test = rows.starts <= features.microseconds(last)
    later = rows.starts >= features.microseconds(version.trained_until)
    feature_set = feature_sets.named(version.pipeline.feature_set)
    chosen = (in_test | later) & ~boosting.says_nothing(rows.values, feature_set)
    rows = TrainingSet(
        rows.event_ids[chosen], rows.starts[chosen], rows.values[chosen], rows.outcomes[chosen]
    )
    champion = _champion(version)
    return _Weighed(
        version=version,
        champion=champion,
        policy=policy,
        rows=rows,
        ours=estimator.probabilities(rows.values),
        theirs=_theirs(champion, rows),
        in_test=in_test[chosen],
    )


def _theirs(champion: ModelVersion | None, rows: TrainingSet) -> NDArray | None:
    if champion is None:
        return None
    try:
        return loading.three_way(version=champion).probabilities(rows.values)
    except (DamagedArtefact, loading.FeaturesChanged, loading.OtherKind):
        return None  # its own incident tells; there is nobody to be held against


def _asked(weighed: _Weighed) -> list[Gate]:
    policy, outcomes = weighed.policy, weighed.test(weighed.rows.outcomes)
    asked = [gates.enough(n=len(outcomes), policy=policy)]
    if len(outcomes) < 2:
        return asked  # nothing to draw a difference or a line from
    ours = weighed.test(weighed.ours)
    line = scoring.reliability(ours, outcomes)
    return [
        *asked,
        gates.brier(
            difference=_paired(_briers(ours, outcomes) - _briers(_elo(weighed), outcomes)),
            baseline="Elo",
            policy=policy,
        ),
        gates.slope(
            slope=line.slope if line else None,
            low=line.slope_low if line else None,
            high=line.slope_high if line else None,
            policy=policy,
        ),
        _smoke(weighed),
        gates.too_good(difference=_against_the_close(weighed), policy=policy),
        _challenger(weighed),
    ]


def _elo(weighed: _Weighed) -> NDArray:
    feature_set = feature_sets.named(weighed.version.pipeline.feature_set)
    return boosting.elo_of(weighed.test(weighed.rows.values), feature_set)


def _briers(probabilities: NDArray, outcomes: NDArray) -> NDArray:
    return ((probabilities - np.eye(len(CLASSES))[outcomes]) ** 2).sum(axis=1)


def _paired(gaps: NDArray) -> Paired:
    """Return the mean of paired differences with its 95 % normal interval."""
    mean = float(gaps.mean())
    half = scoring.Z_95 * float(gaps.std(ddof=1)) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    return Paired(len(gaps), mean, mean - half, mean + half)


def _close(weighed: _Weighed) -> NDArray:
    """Return the margin-free closing probabilities of the test part, (n, 3), NaN without one."""
    events = weighed.test(weighed.rows.event_ids)
    place = {int(event): number for number, event in enumerate(events)}
    found = np.full((len(events), len(CLASSES)), np.nan)
    kind = weighed.version.pipeline.market_kind
    frame = markets_queries.closing_fair(event_ids=list(place), kinds=[kind])
    columns = zip(frame["event_id"], frame["role"], frame["fair_probability"], strict=True)
    for event, role, probability in columns:
        found[place[int(event)], CLASSES.index(role)] = probability
    return found


def _against_the_close(weighed: _Weighed) -> Paired | None:
    close = _close(weighed)
    known = ~np.isnan(close).any(axis=1)
    if known.sum() < 2:
        return None
    ours, outcomes = weighed.test(weighed.ours)[known], weighed.test(weighed.rows.outcomes)[known]
    return _paired(scoring.log_losses(ours, outcomes) - scoring.log_losses(close[known], outcomes))


def _challenger(weighed: _Weighed) -> Gate:
    """Hold the candidate against what serves, on events that neither has learned from."""
    champion, difference = weighed.champion, None
    if champion is not None and weighed.theirs is not None:
        fair = weighed.rows.starts >= features.microseconds(champion.trained_until)
        outcomes = weighed.rows.outcomes[fair]
        if len(outcomes):
            ours, theirs = weighed.ours[fair], weighed.theirs[fair]
            difference = _paired(
                scoring.log_losses(ours, outcomes) - scoring.log_losses(theirs, outcomes)
            )
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


def _week(weighed: _Weighed) -> NDArray:
    """Return which rows lie in the last whole week of the test part that had events, (n,) bool."""
    starts = weighed.test(weighed.rows.starts)
    end = datetime.fromtimestamp(int(starts[-1]) / 1e6, tz=UTC)
    monday = end.replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    until = features.microseconds(monday)
    before = starts[starts < until]
    if not len(before):  # the test part is shorter than a week: all there is
        return weighed.in_test
    weeks = (until - int(before[-1]) - 1) // WEEK_US
    until -= weeks * WEEK_US
    since = until - WEEK_US
    return weighed.in_test & (weighed.rows.starts >= since) & (weighed.rows.starts < until)


def _smoke(weighed: _Weighed) -> Gate:
    chosen = _week(weighed)
    ours, n = weighed.ours[chosen], int(chosen.sum())
    gap = None
    if weighed.theirs is not None and n:
        gaps = (ours - weighed.theirs[chosen]).mean(axis=0)
        gap = float(gaps[np.abs(gaps).argmax()])
    return gates.smoke(
        probabilities=ours.ravel(),
        groups=np.repeat(np.arange(n), len(CLASSES)),
        expected_sums=1.0,
        coverage=float(np.isfinite(ours).all(axis=1).mean()) if n else 0.0,
        mean_gap=gap,
        n=n,
    )


def _week_shown(weighed: _Weighed) -> list[dict[str, Any]]:
    """Return some events of the past week with what was said of them, for people to read."""
    if not weighed.in_test.any():
        return []
    rows = np.flatnonzero(_week(weighed))[:SHOWN]
    return [
        {
            "event": int(weighed.rows.event_ids[i]),
            "candidate": _rounded(weighed.ours[i]),
            "serving": None if weighed.theirs is None else _rounded(weighed.theirs[i]),
            "outcome": CLASSES[int(weighed.rows.outcomes[i])],
        }
        for i in rows
    ]


def _rounded(probabilities: Iterable[float]) -> list[float | None]:
    return [round(float(p), PLACES) if np.isfinite(p) else None for p in probabilities]


def _cards(weighed: _Weighed) -> dict[str, Any]:
    """Return the scores of candidate, Elo, market and close, each on the rows it knows."""
    outcomes = weighed.test(weighed.rows.outcomes)
    feature_set = feature_sets.named(weighed.version.pipeline.feature_set)
    said: Mapping[str, NDArray] = {
        "model": weighed.test(weighed.ours),
        "elo": _elo(weighed),
        "market": boosting.market_of(weighed.test(weighed.rows.values), feature_set),
        "close": _close(weighed),
    }
    return {name: _card(p, outcomes) for name, p in said.items()}


def _card(probabilities: NDArray, outcomes: NDArray) -> dict[str, Any] | None:
    known = ~np.isnan(probabilities).any(axis=1)
    if not known.any():
        return None
    card = scoring.card(probabilities[known], outcomes[known])
    return {"n": int(known.sum()), **{name: _finite(value) for name, value in card.items()}}
