"""Looking for drift: what a version sees now against what it learned from, rule by rule."""

import csv
import io
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from models_ml.domain import drift, feature_sets, scoring
from models_ml.domain.drift import Drift, Finding, Flag, Reference, State
from models_ml.domain.estimators import words
from models_ml.domain.examples import Examples
from models_ml.models import DriftFeature, DriftReference, DriftReport, ModelVersion, Pipeline
from models_ml.queries import drift as queries
from models_ml.queries import serving
from models_ml.services import examples, flagging, in_turn, loading, remembering
from models_ml.services.storing import DamagedArtefact
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused

MOST_ROWS = 20_000  # of live looks that are read
COLUMNS = ("name", "psi", "null_quantile", "threshold", "share_missing", "is_breach")
UNKNOWN = "it was trained before references were kept: train anew"
OTHER = "it was scored on another question when it learned: train anew"


class NothingServes(Refused):
    """The pipeline has no version in production, so nothing can drift."""


class ClockBackwards(Refused):
    """The machine's clock stands before what was reported already."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of several pipelines: their reports, and why there is none, by code."""

    reports: list[DriftReport] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Rows of the present: values (n, f), their moments in µs, and where they come from."""

    values: NDArray
    moments: NDArray
    source: str  # "live" or "history"


def report(*, pipeline: Pipeline, now: datetime, actor: str) -> DriftReport:
    """Hold what serves a pipeline against what it learned from, and keep what was found.

    Features are those of live looks, or where they are too few those of past events as they
    were known before their start; how good it is, is asked of events that it never learned
    from.  Where there are too few rows for a rule, the report says that and not that all is
    well.

    Raises:
        NothingServes: no version is in production.
        ClockBackwards: a report was made later than now.
    """
    version = queries.in_production(pipeline=pipeline)
    if version is None:
        raise NothingServes(f"nothing serves {pipeline}")
    last = DriftReport.objects.filter(pipeline=pipeline).order_by("-at").first()
    if last is not None and last.at > now:
        raise ClockBackwards(f"{last} was made later than {now:%Y-%m-%d %H:%M}")
    flagging.ensure_rule_flags(now=now)
    kept = queries.reference(version=version)
    rows = examples.examples(pipeline=pipeline, until=now, since=version.trained_until)
    seen = _seen(version, rows, now)
    found, first = _psi(kept, seen, version)
    judged, figures = _judge(version, kept, rows)
    findings = [first, *judged, _flags(version, now)]
    return _write(
        DriftReport(
            pipeline=pipeline,
            version=version,
            at=now,
            reference_from=kept.since if kept else None,
            reference_to=kept.until if kept else None,
            current_from=_moment(seen.moments[0]) if len(seen.moments) else None,
            current_to=_moment(seen.moments[-1]) if len(seen.moments) else None,
            n_reference=kept.n if kept else 0,
            n_current=len(seen.moments),
            breaches=found.breaches if found else 0,
            figures={
                "source": seen.source,
                "needed": found.needed if found else None,
                "findings": [asdict(one) for one in findings],
                **figures,
            },
            actor=actor,
        ),
        found,
    )


def report_each(
    *, now: datetime, actor: str, pipeline: str = "", progress: RunHandle | None = None
) -> Reported:
    """Report on one pipeline by its code, or on each that is served; a refusal is no other's.

    Raises:
        NothingServes: the one asked for is unknown or not served.
        Cancelled: somebody asked for that between two pipelines; what was reported stays.
    """
    return Reported(
        *in_turn.each(
            in_service(code=pipeline),
            lambda row: report(pipeline=row, now=now, actor=actor),
            progress=progress,
        )
    )


def in_service(*, code: str = "") -> list[Pipeline]:
    """Return the pipeline of a code, or, of none, every one that is served.

    Raises:
        NothingServes: the one asked for is unknown or not served.
    """
    rows = [row for row in queries.pipelines_in_service() if code in ("", row.code)]
    if code and not rows:
        raise NothingServes(f"no enabled pipeline {code!r} is served")
    return rows


def findings_of(row: DriftReport) -> list[Finding]:
    """Return what a report found, as the rules told it."""
    told = row.figures.get("findings", [])
    return [Finding(**{**one, "state": State(one["state"])}) for one in told]


def summary(*, row: DriftReport) -> dict[str, Any]:
    """Return what a report says, as JSON can hold it."""
    return {
        "report": row.pk,
        "pipeline": row.pipeline.code,
        "version": row.version.number if row.version else None,
        "at": row.at.isoformat(),
        "source": row.figures.get("source"),
        "n_reference": row.n_reference,
        "n_current": row.n_current,
        "breaches": row.breaches,
        "needed": row.figures.get("needed"),
        "findings": row.figures.get("findings", []),
    }


def told(*, found: Reported) -> dict[str, Any]:
    """Return what became of each pipeline, as JSON can hold it."""
    return {
        "reports": [summary(row=row) for row in found.reports],
        "refused": found.refused,
    }


def as_csv(*, row: DriftReport) -> str:
    """Return the features of a report as CSV, those that stand out first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row.features.order_by("-is_breach", "-psi", "name").values_list(*COLUMNS))
    return text.getvalue()


def _seen(version: ModelVersion, rows: Examples, now: datetime) -> _Seen:
    """Return the rows of the present: live ones where they are enough, else those of history."""
    stage = queries.final_stage(pipeline=version.pipeline)
    values, moments = queries.live_rows(version=version, stage=stage, until=now, most=MOST_ROWS)
    part = drift.recent(moments)
    if part.stop - part.start >= drift.MINIMUM:
        return _Seen(values[part], moments[part], "live")
    part = drift.recent(rows.starts)
    return _Seen(rows.values[part], rows.starts[part], "history")


def _psi(
    kept: DriftReference | None, seen: _Seen, version: ModelVersion
) -> tuple[Drift | None, Finding]:
    """Return the drift of each feature, None where nothing can be said, and what was found."""
    n, names = len(seen.moments), feature_sets.named(version.pipeline.feature_set).names
    if kept is None:
        return None, Finding("psi", State.NOT_ENOUGH, UNKNOWN, n=n)
    reference = Reference.from_figures(kept.figures)
    if list(reference.names) != names:
        other = "the feature set has other columns than it learned: train anew"
        return None, Finding("psi", State.NOT_ENOUGH, other, n=n)
    found = drift.psi(reference, seen.values.reshape(-1, len(names)))
    return found if n else None, found.finding()


def _judge(
    version: ModelVersion, kept: DriftReference | None, rows: Examples
) -> tuple[list[Finding], dict[str, Any]]:
    """Return what is found of how good a version is on events it never learned from."""
    try:
        estimator = loading.load(version=version)
    except (DamagedArtefact, loading.FeaturesChanged) as error:
        names = ("brier", "calibration", "cusum")
        return [Finding(name, State.NOT_ENOUGH, str(error)) for name in names], {}
    recent = rows.part(np.arange(len(rows))[drift.recent(rows.starts)])
    policy = serving.policy(pipeline=version.pipeline)
    plain, findings, figures = not policy.wants_significance, [], {}
    kind = version.pipeline.market_kind
    why = UNKNOWN
    if kept is not None and kept.market_kind != kind:
        kept, why = None, OTHER
    said = words.words(estimator, recent, market_kind=kind)
    briers = _briers(said)
    if kept is None:
        findings.append(Finding("brier", State.NOT_ENOUGH, why, n=len(briers)))
    else:
        findings.append(drift.brier_worse(briers, kept.briers, plain=plain))
    fit = scoring.reliability(said.probabilities, said.outcomes) if len(briers) else None
    findings.append(
        drift.calibration(fit, n=len(briers), tolerance=policy.slope_tolerance, plain=plain)
    )
    everything = words.words(estimator, rows, market_kind=kind)
    watched, path = _cusum(version, everything, rows, kept, why=why)
    figures["recent"] = {"n": len(briers), "brier": float(briers.mean()) if len(briers) else None}
    return [*findings, watched], {**figures, "cusum": path}


def _briers(said: words.Words) -> NDArray:
    if not len(said.row):
        return np.empty(0)
    return scoring.briers(said.probabilities, said.outcomes)


def _cusum(
    version: ModelVersion,
    said: words.Words,
    rows: Examples,
    kept: DriftReference | None,
    *,
    why: str,
) -> tuple[Finding, list[tuple[int, float]]]:
    """Add up losses against the market over everything since the version learned."""
    market = words.of_market(said, rows, market_kind=version.pipeline.market_kind)
    gaps = remembering.market_gaps(said, market)
    if kept is None:
        return Finding("cusum", State.NOT_ENOUGH, why, n=len(gaps)), []
    weeks = rows.week[said.row][np.isfinite(market).all(axis=1)]
    return drift.cusum(gaps, weeks, mean=kept.gap_mean, sigma=kept.gap_sigma)


def _flags(version: ModelVersion, now: datetime) -> Finding:
    """Look for rules that began or ended to hold since a version learned."""
    changed = []
    for flag in queries.flags(sport_id=version.pipeline.sport_id):
        changed.append(Flag(flag.code, flag.effective_from))
        if flag.effective_until is not None:
            changed.append(Flag(f"{flag.code} (its end)", flag.effective_until))
    return drift.flags(changed, trained_until=version.trained_until, now=now)


@transaction.atomic
def _write(row: DriftReport, found: Drift | None) -> DriftReport:
    row.save(force_insert=True)
    DriftFeature.objects.bulk_create(
        DriftFeature(
            report=row,
            name=feature.name,
            psi=feature.psi,
            null_quantile=feature.null_quantile,
            threshold=feature.threshold,
            share_missing=feature.share_missing,
            is_breach=feature.is_breach,
        )
        for feature in (found.features if found else ())
    )
    return row


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)
