"""Deciding whether a pipeline is to be trained anew; the decision is kept, whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from markets.models import Result
from models_ml.domain import triggers
from models_ml.domain.triggers import Reason
from models_ml.models import DriftReport, ModelVersion, Pipeline, RetrainDecision
from models_ml.queries import drift as queries
from models_ml.services import drifting, in_turn, retraining
from models_ml.services.drifting import NothingServes
from monitoring.domain.progress import RunHandle
from monitoring.services import audit

FRESH = timedelta(days=2)  # a drift report that old still tells


@dataclass(frozen=True, slots=True)
class Assessed:
    """What became of several pipelines: the decisions, and why there is none, by code."""

    decisions: list[RetrainDecision] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def assess(*, pipeline: Pipeline, now: datetime, actor: str) -> RetrainDecision:
    """Ask every rule whether a pipeline is to be trained anew, keep what they said, and act.

    The newest drift report is read if it is of this version and at most two days old, else one
    is made.  Where a rule fires a training is asked for, once a day however often this is.

    Raises:
        NothingServes: no version is in production.
        ClockBackwards: a report or decision was made later than now.
    """
    version = queries.in_production(pipeline=pipeline)
    if version is None:
        raise NothingServes(f"nothing serves {pipeline}")
    report = _report(version, now, actor)
    reasons = [
        *triggers.of_findings(drifting.findings_of(report)),
        triggers.new_events(_ended_since(version, now)),
        triggers.age(trained_until=version.trained_until, now=now),
    ]
    return decide(version=version, reasons=reasons, report=report, actor=actor, now=now)


@transaction.atomic
def decide(
    *,
    version: ModelVersion,
    reasons: Sequence[Reason],
    actor: str,
    now: datetime,
    report: DriftReport | None = None,
    is_asking: bool = True,
) -> RetrainDecision:
    """Keep a decision with its numbers; where a rule fired, ask for the training with it.

    ``is_asking`` False: whoever calls trains by itself.

    Raises:
        ClockBackwards: a decision was made later than now.
    """
    pipeline = Pipeline.objects.select_for_update().get(pk=version.pipeline_id)
    last = RetrainDecision.objects.filter(pipeline=pipeline).order_by("-at").first()
    if last is not None and last.at > now:
        raise drifting.ClockBackwards(f"it was decided later than {now:%Y-%m-%d %H:%M}: {last}")
    fired = any(reason.fired for reason in reasons)
    run = None
    if fired and is_asking:
        why = triggers.in_short(reasons, retraining.WORDS)
        run = retraining.ask(version=version, why=why, actor=actor, now=now)
    decision = RetrainDecision.objects.create(
        pipeline=pipeline,
        at=now,
        fired=fired,
        reasons=[reason.as_figures() for reason in reasons],
        report=report,
        version=version,
        run=run.pk if run else None,
        actor=actor,
    )
    audit.record(
        actor=actor,
        action="models_ml.assess",
        subject=decision,
        at=now,
        pipeline=pipeline.code,
        fired=[reason.rule for reason in reasons if reason.fired],
    )
    return decision


def assess_each(
    *, now: datetime, actor: str, pipeline: str = "", progress: RunHandle | None = None
) -> Assessed:
    """Assess one pipeline by its code, or each that is served; a refusal is no other's.

    Raises:
        NothingServes: the one asked for is unknown or not served.
        Cancelled: somebody asked for that between two pipelines; what was decided stays.
    """
    return Assessed(
        *in_turn.each(
            drifting.in_service(code=pipeline),
            lambda row: assess(pipeline=row, now=now, actor=actor),
            progress=progress,
        )
    )


def train_month(
    *, now: datetime, actor: str, progress: RunHandle | None = None
) -> retraining.Trained:
    """Train every served pipeline whatever the rules say, each with its decision kept.

    Raises:
        NothingTrained: there are pipelines, and each was refused.
    """
    why = "the month's training"
    rows = list(queries.pipelines_in_service())
    for row in rows:
        version = queries.in_production(pipeline=row)
        if version is not None:
            asked = [triggers.asked(why)]
            decide(version=version, reasons=asked, actor=actor, now=now, is_asking=False)
    return retraining.retrain_each(pipelines=rows, why=why, actor=actor, now=now, progress=progress)


def summary(*, decision: RetrainDecision) -> dict[str, Any]:
    """Return a decision with its numbers, as JSON can hold it."""
    return {
        "decision": decision.pk,
        "pipeline": decision.pipeline.code,
        "version": decision.version.number if decision.version else None,
        "at": decision.at.isoformat(),
        "fired": decision.fired,
        "reasons": decision.reasons,
        "report": decision.report_id,
        "run": str(decision.run) if decision.run else None,
    }


def told(*, found: Assessed) -> dict[str, Any]:
    """Return what became of each pipeline, as JSON can hold it."""
    return {
        "decisions": [summary(decision=decision) for decision in found.decisions],
        "refused": found.refused,
    }


def _report(version: ModelVersion, now: datetime, actor: str) -> DriftReport:
    newest = DriftReport.objects.filter(version=version).order_by("-at", "-pk").first()
    if newest is not None and now - FRESH <= newest.at <= now:
        return newest
    return drifting.report(pipeline=version.pipeline, now=now, actor=actor)


def _ended_since(version: ModelVersion, now: datetime) -> int:
    """Return how many events of a pipeline ended since a version learned, by what is known now."""
    rows = Result.objects.filter(
        status=Result.Status.FINAL,
        known_at__gt=version.trained_until,
        known_at__lte=now,
        event__starts_at__gte=version.trained_until,
        event__competition__sport=version.pipeline.sport_id,
        event__competition__is_simulated=version.pipeline.is_simulated,
    )
    return rows.values("event").distinct().count()
