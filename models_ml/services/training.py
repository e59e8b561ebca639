"""Training: from what was known before a moment to a candidate with its artefact and scores."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from models_ml.domain import (
    artefacts,
    calibrations,
    estimators,
    feature_sets,
    parameters,
)
from models_ml.domain.estimators import trees
from models_ml.domain.estimators.base import AfterRound
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.models import ModelVersion, Pipeline, Replay, Search
from models_ml.services import (
    cards,
    examples,
    in_turn,
    learning,
    loading,
    origins,
    remembering,
    storing,
)
from models_ml.services.learning import CALIBRATION_WEEKS, Learned
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

MOST_CALIBRATION_WEEKS = 104


class NotEnoughHistory(Refused):
    """Too few matches are known to learn from."""


class OneClassOnly(Refused):
    """What is known all says the same: there is nothing to learn."""


class BadParameters(Refused):
    """A parameter that training does not know, or a value it cannot have."""


class ClockBackwards(Refused):
    """The machine's clock stands before what was done already."""


class NothingTrained(Refused):
    """Not one of the pipelines could be trained."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What became of several pipelines: their new versions, and why there is none, by code."""

    versions: list[ModelVersion] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def train(
    *,
    pipeline: Pipeline,
    until: datetime,
    seed: int = 0,
    calibration_weeks: int = CALIBRATION_WEEKS,
    actor: str,
    now: datetime,
    replay: Replay | None = None,
    search: Search | None = None,
    found: Mapping[str, Any] | None = None,
    parent: ModelVersion | None = None,
    reason: str = "",
    progress: RunHandle | None = None,
) -> ModelVersion:
    """Train a version on what was known before ``until``, and return it as a candidate.

    A version made for a replay has stage REPLAY and serves that replay alone.  What a ``search``
    has ``found`` stands for this version in place of the pipeline's own parameters.  ``parent`` is
    the version it is meant to replace, ``reason`` why it was trained.

    Raises:
        NotEnoughHistory: too few matches, races or figures are known.
        OneClassOnly: they are all alike.
        BadParameters: the pipeline's parameters, or the weeks of calibration.
        ClockBackwards: a version of this pipeline was trained later than now.
        Cancelled: somebody asked for that between two rounds; nothing is written.
    """
    feature_set = feature_sets.named(pipeline.feature_set)
    own = _checked(pipeline, until, calibration_weeks, now, {} if found is None else found)
    if replay is None:
        _check_clock(pipeline, now)
    learned = learn(
        pipeline=pipeline,
        known=examples.examples(pipeline=pipeline, until=until),
        own=own,
        seed=seed,
        calibration_weeks=calibration_weeks,
        after_round=_follow(progress),
    )
    code = origins.code_versions(kind=learned.fitted.kind, feature_set=feature_set.name)
    version = ModelVersion(
        pipeline=pipeline,
        stage=ModelVersion.Stage.REPLAY if replay else ModelVersion.Stage.CANDIDATE,
        kind=learned.fitted.kind,
        replay=replay,
        search=search,
        parent=parent,
        reason=reason,
        run=progress.run_id if progress else None,
        features=feature_set.names,
        features_sha256=feature_set.sha256,
        parameters=_parameters(own, learned, calibration_weeks),
        calibration=learned.fitted.calibration,
        metrics=_metrics(pipeline, learned, feature_set),
        plots=_plots(learned, feature_set),
        trained_from=_moment(learned.examples.starts[0]),
        trained_until=until,
        n_rows=len(learned.examples),
        seed=seed,
        code_version=origins.code_version(code),
        code_versions=code,
        trained_at=now,
    )
    with transaction.atomic():
        _register(version, learned.fitted.content, actor=actor, now=now)
        remembering.remember(version=version, learned=learned, feature_set=feature_set)
    return version


def _checked(
    pipeline: Pipeline,
    until: datetime,
    calibration_weeks: int,
    now: datetime,
    found: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the parameters of a training, once everything it is told makes sense."""
    if until > now:
        raise NotEnoughHistory(f"until {until:%Y-%m-%d %H:%M} lies in the future")
    own = {**pipeline.parameters, **found}
    check_parameters(own)
    _check_dropped(own, feature_sets.named(pipeline.feature_set))
    if not 1 <= calibration_weeks <= MOST_CALIBRATION_WEEKS:
        raise BadParameters(f"calibration takes 1 to {MOST_CALIBRATION_WEEKS} weeks")
    return own


def _plots(learned: Learned, feature_set: FeatureSet) -> dict[str, Any]:
    return {
        "contributions": learning.contributions(learned, feature_set.names),
        "reliability": learning.reliability(learned),
    }


def learn(
    *,
    pipeline: Pipeline,
    known: Examples,
    own: Mapping[str, Any],
    seed: int,
    calibration_weeks: int = CALIBRATION_WEEKS,
    after_round: AfterRound | None = None,
) -> Learned:
    """Fit a pipeline's estimator on what is known, by these parameters; writes nothing.

    Raises:
        NotEnoughHistory: too few matches, races or figures are known.
        OneClassOnly: they are all alike.
    """
    try:
        return learning.learn(
            target=pipeline.target,
            examples=known,
            feature_set=feature_sets.named(pipeline.feature_set),
            parameters=dict(own),
            seed=seed,
            calibration_weeks=calibration_weeks,
            after_round=after_round,
        )
    except learning.TooFew as error:
        raise NotEnoughHistory(f"{pipeline}: {error}") from error
    except estimators.NotEnoughToLearn as error:
        raise OneClassOnly(f"{pipeline}: {error}") from error


def check_parameters(given: Mapping[str, Any]) -> None:
    """Refuse parameters of a pipeline that training would not understand.

    Raises:
        BadParameters: and says what was expected.
    """
    try:
        parameters.check(given)
    except parameters.BadParameter as error:
        raise BadParameters(str(error)) from error


def wrong_parameters(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each parameter of a pipeline, by its name."""
    return parameters.wrong(given)


def _check_dropped(given: Mapping[str, Any], feature_set: FeatureSet) -> None:
    try:
        parameters.check_dropped(given, feature_set=feature_set)
    except parameters.BadParameter as error:
        raise BadParameters(str(error)) from error


def train_each(
    *,
    pipelines: Iterable[Pipeline],
    until: datetime,
    seed: int = 0,
    calibration_weeks: int = CALIBRATION_WEEKS,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Trained:
    """Train a candidate for each pipeline; one that is refused takes no other's turn.

    A fault of ours and a cancellation rise at once; what was trained before them stays.

    Raises:
        NothingTrained: there are pipelines, and each was refused.
    """

    def one(pipeline: Pipeline) -> ModelVersion:
        return train(
            pipeline=pipeline,
            until=until,
            seed=seed,
            calibration_weeks=calibration_weeks,
            actor=actor,
            now=now,
            progress=progress,
        )

    return some(*in_turn.each(pipelines, one))


def some(versions: list[ModelVersion], refused: dict[str, str]) -> Trained:
    """Return what became of several pipelines.

    Raises:
        NothingTrained: there are pipelines, and each was refused.
    """
    if refused and not versions:
        raise NothingTrained("; ".join(refused.values()))
    return Trained(versions, refused)


def report(*, trained: Trained) -> dict[str, Any]:
    """Return what became of each pipeline, as JSON can hold it."""
    versions = [summary(version=version) for version in trained.versions]
    return {"versions": versions, "refused": trained.refused}


def summary(*, version: ModelVersion) -> dict[str, Any]:
    """Return what people ask first about a version, as JSON can hold it."""
    cards = {name: version.metrics.get(name) or {} for name in ("model", "market", "elo")}
    promoted_at = version.promoted_at
    return {
        "id": version.pk,
        "pipeline": version.pipeline.code,
        "number": version.number,
        "stage": version.stage,
        "trained_until": version.trained_until.isoformat(),
        "promoted_at": promoted_at.isoformat() if promoted_at else None,
        "n_rows": version.n_rows,
        "n_test": version.metrics.get("n"),
        "model_log_loss": cards["model"].get("log_loss"),
        "market_log_loss": cards["market"].get("log_loss"),
        "elo_log_loss": cards["elo"].get("log_loss"),
        "calibration": calibrations.method(version.calibration),
        "artefact": version.artefact,
        "artefact_sha256": version.artefact_sha256,
    }


def _check_clock(pipeline: Pipeline, now: datetime) -> None:
    last = ModelVersion.objects.filter(pipeline=pipeline, replay=None).aggregate(
        last=Max("trained_at")
    )["last"]
    if last is not None and last > now:
        raise ClockBackwards(
            f"{pipeline} was trained at {last:%Y-%m-%d %H:%M}, and the clock says"
            f" {now:%Y-%m-%d %H:%M}"
        )


def _follow(progress: RunHandle | None) -> AfterRound | None:
    if progress is None:
        return None
    handle = progress

    def after_round(done: int, total: int) -> None:
        handle.raise_if_cancelled()
        handle.progress(done=done, total=total, message="boosting")

    return after_round


def _parameters(own: Mapping[str, Any], learned: Learned, calibration_weeks: int) -> dict[str, Any]:
    return {
        **trees.DEFAULTS,
        **own,
        **learned.fitted.report,
        "calibration_weeks": calibration_weeks,
        "library": f"xgboost {trees.library_version()}",
    }


def _metrics(pipeline: Pipeline, learned: Learned, feature_set: FeatureSet) -> dict[str, Any]:
    parts = {
        name: {
            "n": part["n"],
            **{end: None if part[end] is None else _moment(part[end]).isoformat()
               for end in ("from", "to")},
        }
        for name, part in learning.parts(learned).items()
    }  # fmt: skip
    return {
        **_cards(pipeline, learned, feature_set),
        "parts": parts,
        "purged": learned.split.purged,
        "gain": learning.gains(learned, feature_set.names),
        "golden": loading.golden(
            estimator=learned.estimator, values=learning.golden_values(learned)
        ),
    }


def _cards(pipeline: Pipeline, learned: Learned, feature_set: FeatureSet) -> dict[str, Any]:
    """Return the scores on the test part; plain methods learn from what was known before it."""
    test = learned.test
    known = learned.examples.label_known_at <= test.as_of.min()
    return cards.figures(
        market_kind=pipeline.market_kind,
        estimator=learned.estimator,
        examples=test,
        past=learned.examples.part(known),
        feature_set=feature_set,
    )


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)


def _register(version: ModelVersion, content: bytes, *, actor: str, now: datetime) -> ModelVersion:
    """Give the version its number, its file and its row; the pipeline is locked meanwhile."""
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=version.pipeline_id)
        latest = ModelVersion.objects.filter(pipeline_id=version.pipeline_id).aggregate(
            number=Max("number")
        )["number"]
        version.number = (latest or 0) + 1
        version.artefact, version.artefact_sha256 = storing.write(
            pipeline_code=version.pipeline.code, number=version.number, content=content
        )
        version.artefact_bytes, version.estimator_format = len(content), artefacts.FORMAT
        version.save(force_insert=True)
        audit.record(
            actor=actor,
            action="models_ml.train",
            subject=version,
            at=now,
            number=version.number,
            stage=version.stage,
            artefact_sha256=version.artefact_sha256,
            trained_until=version.trained_until.isoformat(),
            n=version.n_rows,
        )
    return version
