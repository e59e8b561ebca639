"""Predicting a past interval again, from what was known then, by versions that are chosen."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
from django.db import transaction

from markets.models import Event
from models_ml.domain import feature_sets, stages
from models_ml.domain.estimators import Estimator
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet, microseconds
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Rerun
from models_ml.queries import drift as drifts
from models_ml.queries import reruns as queries
from models_ml.queries import selections
from models_ml.services import asking, examples, keeping, loading, pipelines, questioning
from models_ml.services import rerun_figures as figures
from models_ml.services.rerun_figures import Key, Rows, Said
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

MOST_VERSIONS = 4
MOST_EVENTS = 20_000


class RerunRefused(Refused):
    """This interval cannot be predicted again so."""


def named(*, models: str) -> tuple[Pipeline, list[int]]:
    """Return the pipeline and the versions that "soccer-1x2:3,soccer-1x2:5" names.

    Raises:
        RerunRefused: it names none, or versions of several pipelines.
    """
    found: dict[str, list[int]] = {}
    for text in models.split(","):
        code, _, number = text.strip().rpartition(":")
        if not code or not (number.isascii() and number.isdigit() and len(number) < 9):
            raise RerunRefused(f"{text.strip()!r} names no version, as soccer-1x2:3 does")
        found.setdefault(code, []).append(int(number))
    if len(found) > 1:
        raise RerunRefused(f"versions of one pipeline, not of {', '.join(sorted(found))}")
    code, numbers = found.popitem()
    return pipelines.chosen(name=code)[0], numbers


def rerun(
    *,
    pipeline: Pipeline,
    numbers: Sequence[int],
    since: datetime,
    until: datetime,
    stage: str = "",
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Rerun:
    """Predict the events that started in [since, until) again, and keep what differs.

    Features are made anew as of the moment that the live row was, or as of the stage's opening
    where there is none, and held against what was stored: of a race for each runner entered by
    then, of players for each who was quoted.  Events that nobody could be asked about are left
    out, and counted.  A version's scores leave out events that it may have learned from.  Nothing
    else changes; the same again is another row.

    Raises:
        RerunRefused: no such version or stage, an empty interval, or one in the future.
        DamagedArtefact, FeaturesChanged: a version cannot be loaded.
        Cancelled: somebody asked for that between two versions; nothing is written.
    """
    began = perf_counter()
    versions = _versions(pipeline, numbers)
    stage = stage or drifts.final_stage(pipeline=pipeline)
    _check(since, until, now)
    feature_set = feature_sets.named(pipeline.feature_set)
    follow = _follow(progress, total=len(versions) + 2)
    estimators = [loading.load(version=version) for version in versions]
    follow("features")
    rows, stored = _rows(pipeline, feature_set, stage, since, until, now)
    said = []
    for version, estimator in zip(versions, estimators, strict=True):
        follow(str(version))
        said.append(_answered(version, estimator, rows))
    follow("differences")
    served = queries.served(pipeline=pipeline, stage=stage, event_ids=_ids(rows))
    labelled = _labelled(pipeline, rows, since, now)
    told = {
        "events": len(_ids(rows)),
        "rows": len(rows.keys),
        "selections": len(rows.asked),
        "left_out": rows.left_out,
        "features": figures.compared(rows=rows, stored=stored, names=feature_set.names),
        **figures.scores(said, labelled),
    }
    kept = keeping.keep(
        folder="reruns", name="rerun", columns=figures.columns(rows=rows, said=said, served=served)
    )
    row = Rerun(
        pipeline=pipeline, since=since, until=until, stage=stage, actor=actor, began_at=now,
        finished_at=now + timedelta(seconds=perf_counter() - began),
        figures={**told, "file_sha256": kept.sha256}, file=kept.name,
        differences=figures.differences(rows=rows, said=said, served=served),
    )  # fmt: skip
    return _write(row, versions, now)


def summary(*, row: Rerun) -> dict[str, Any]:
    """Return what a rerun found, as JSON can hold it."""
    versions = row.versions.order_by("number").values_list("number", flat=True)
    return {
        "rerun": row.pk,
        "pipeline": row.pipeline.code,
        "versions": list(versions),
        "since": row.since.isoformat(),
        "until": row.until.isoformat(),
        "stage": row.stage,
        "file": row.file,
        **row.figures,
        "differences": row.differences,
    }


def arguments(*, row: Rerun) -> dict[str, str]:
    """Return what a task is asked for to do a rerun once more."""
    numbers = row.versions.order_by("number").values_list("number", flat=True)
    return {
        "models": ",".join(f"{row.pipeline.code}:{number}" for number in numbers),
        "since": row.since.isoformat(),
        "until": row.until.isoformat(),
        "stage": row.stage,
    }


def moment(text: str) -> datetime:
    """Read an ISO date or time; without a zone it is UTC.

    Raises:
        RerunRefused: it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise RerunRefused(f"{text!r} is no ISO date or time") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _versions(pipeline: Pipeline, numbers: Sequence[int]) -> list[ModelVersion]:
    wanted = list(dict.fromkeys(numbers))
    if not 1 <= len(wanted) <= MOST_VERSIONS:
        raise RerunRefused(f"one to {MOST_VERSIONS} versions are run, not {len(wanted)}")
    rows = ModelVersion.objects.filter(pipeline=pipeline, number__in=wanted, replay=None)
    found = {row.number: row for row in rows.select_related("pipeline__sport")}
    if missing := [str(number) for number in wanted if number not in found]:
        raise RerunRefused(f"{pipeline.code} has no version {', '.join(missing)}")
    return [found[number] for number in wanted]


def _check(since: datetime, until: datetime, now: datetime) -> None:
    if since >= until:
        raise RerunRefused(f"{since:%Y-%m-%d %H:%M} does not lie before {until:%Y-%m-%d %H:%M}")
    if until > now:
        raise RerunRefused(f"{until:%Y-%m-%d %H:%M} lies in the future: only what is past runs")


def _rows(
    pipeline: Pipeline,
    feature_set: FeatureSet,
    stage: str,
    since: datetime,
    until: datetime,
    now: datetime,
) -> tuple[Rows, dict[Key, FeatureRow]]:
    """Return the rows of an interval as of then, and those that were stored of it."""
    found = queries.events(pipeline=pipeline, since=since, until=until)
    if not found:
        raise RerunRefused(f"no event of {pipeline} from {since:%Y-%m-%d} to {until:%Y-%m-%d}")
    if len(found) > MOST_EVENTS:
        raise RerunRefused(f"{len(found)} events, {MOST_EVENTS} are the most: choose less")
    stored = queries.looked_at(pipeline=pipeline, stage=stage, event_ids=list(found))
    parts, left_out = asking.made_apart(
        event_ids=list(found),
        feature_set=feature_set,
        as_of=_moments(found, stored, stage),
        now=now,
        statistics=[pipeline.statistic] if pipeline.statistic else (),
    )
    if not parts:
        raise RerunRefused(f"nothing can be asked of these events: {next(iter(left_out.values()))}")
    subjects = [subject for made in parts for subject in made.subjects]
    as_of = [microseconds(moment) for made in parts for moment in made.as_of]
    values = np.concatenate([made.values for made in parts])
    starts = [microseconds(found[subject.event_id].starts_at) for subject in subjects]
    rows = Rows(
        keys=[(subject.event_id, subject.participant_id or -1) for subject in subjects],
        starts=np.array(starts, dtype=np.int64),
        as_of=np.array(as_of, dtype=np.int64),
        values=values,
        asked=questioning.asked(
            subjects=subjects,
            values=values,
            feature_set=feature_set,
            kind=pipeline.market_kind,
            answers=selections.answers(event_ids=list(found), market_kind=pipeline.market_kind),
        ),
        left_out=len(left_out),
    )
    return rows, stored


def _moments(
    found: Mapping[int, Event], stored: Mapping[Key, FeatureRow], stage: str
) -> dict[int, datetime]:
    """Return as of when each event is asked about: as it was live, else as its stage opened."""
    if stage not in stages.STAGES:
        raise RerunRefused(f"no stage {stage!r}; there are: {', '.join(stages.STAGES)}")
    moments = {
        event_id: stages.opens_at(event.starts_at, stage, event.competition.time_scale)
        for event_id, event in found.items()
    }
    for (event_id, _), row in stored.items():
        if row.as_of < found[event_id].starts_at:
            moments[event_id] = row.as_of
    return moments


def _answered(version: ModelVersion, estimator: Estimator, rows: Rows) -> Said:
    try:
        answers = estimator.answer(rows.values, rows.asked.questions)
    except ValueError as error:
        raise RerunRefused(f"{version}: {error}") from error
    seen = rows.starts[rows.row_of] < microseconds(version.trained_until)
    return Said(version, estimator, answers.probability, answers.refund, seen)


def _labelled(pipeline: Pipeline, rows: Rows, since: datetime, now: datetime) -> Examples:
    """Return those rows whose end is known, with the features they are foretold from."""
    past = examples.examples(pipeline=pipeline, until=now, since=since)
    places = {key: place for place, key in enumerate(rows.keys)}
    keys = zip(past.event.tolist(), past.participant.tolist(), strict=True)
    found = np.array([places.get(key, -1) for key in keys], dtype=np.intp)
    part = past.part(np.flatnonzero(found >= 0))
    return replace(part, values=rows.values[found[found >= 0]])


@transaction.atomic
def _write(row: Rerun, versions: Sequence[ModelVersion], now: datetime) -> Rerun:
    row.save(force_insert=True)
    row.versions.set(versions)
    audit.record(
        actor=row.actor,
        action="models_ml.rerun",
        subject=row,
        at=now,
        pipeline=row.pipeline.code,
        versions=[version.number for version in versions],
    )
    return row


def _follow(progress: RunHandle | None, *, total: int) -> Any:
    steps = itertools.count(1)

    def follow(message: str) -> None:
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=next(steps), total=total, message=message)

    return follow


def _ids(rows: Rows) -> list[int]:
    return list(dict.fromkeys(event for event, _ in rows.keys))
