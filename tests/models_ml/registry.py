"""Versions with a real artefact, made without a league: for tests of who serves, and who may."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Max

from models_ml.domain import artefacts, estimators, evidence, proposals, splitting
from models_ml.domain.examples import Examples
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import ModelVersion, Pipeline, Proposal
from models_ml.services import approving, loading, pipelines, promoting, storing
from monitoring.models import User
from monitoring.services import roles

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)  # a Tuesday: the window is open
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REAL, SIMULATED = "soccer-1x2", "soccer-1x2-simulated"
EAGER = {
    "rounds": 3,
    "eta": 0.5,
    "min_child_weight": 1.0,
    "lambda": 1.0,
    "gamma": 0.0,
    "colsample_bytree": 1.0,
}
NO_SCALING = {"method": "temperature", "temperature": 1.0}


def a_pipeline(code: str = REAL) -> Pipeline:
    pipelines.ensure_default_pipelines(now=NOON)
    return Pipeline.objects.get(code=code)


def some_matches(values: np.ndarray, *, home: np.ndarray, away: np.ndarray) -> Examples:
    """Return matches of these values and scores, one an hour, each known when it ended."""
    n = len(values)
    none, order = np.full(n, np.nan), np.arange(n)
    starts = order * 3_600_000_000
    return Examples(
        event=order,
        participant=np.full(n, -1),
        group=order,
        competition=np.zeros(n, dtype=np.int64),
        season=np.zeros(n, dtype=np.int64),
        week=starts // splitting.WEEK,
        starts=starts,
        as_of=starts - 1,
        label_known_at=starts + 1,
        values=values,
        home=home.astype(float),
        away=away.astype(float),
        figure=none,
        winner=none,
        placed=none,
        market=np.full((n, 3), np.nan),
        close=np.full((n, 3), np.nan),
    )


@cache
def _artefact(seed: int) -> tuple[bytes, dict[str, Any]]:
    """Return a tiny model and its golden rows; made once for all tests."""
    random = np.random.default_rng(seed)
    n = 120
    values = random.uniform(0.2, 0.8, (n, len(SOCCER_V1.features)))
    values[:, list(SOCCER_V1.market)] = random.dirichlet([4, 3, 3], n)
    home = np.where(values[:, seed] > 0.5, 2, 0)  # what there is to learn
    home[random.random(n) < 0.2] = 1
    rows = some_matches(values, home=home, away=np.ones(n))
    fitted = estimators.fit(
        target="OUTCOME",
        examples=rows,
        split=splitting.in_time_order(rows.starts),
        feature_set=SOCCER_V1,
        parameters=EAGER,
        seed=1,
    )
    estimator = estimators.load(
        content=fitted.content, feature_set=SOCCER_V1, calibration=NO_SCALING
    )
    return fitted.content, loading.golden(estimator=estimator, values=values[:3])


def a_candidate(pipeline: Pipeline, **fields: Any) -> ModelVersion:
    """Return a version that is whole: its file is written, its golden rows come out.

    ``learned`` is the column that decided its matches; of another one it learned something else.
    """
    content, golden = _artefact(fields.pop("learned", 3))
    mates = ModelVersion.objects.filter(pipeline=pipeline)
    number = (mates.aggregate(latest=Max("number"))["latest"] or 0) + 1
    name, sha256 = storing.write(pipeline_code=pipeline.code, number=number, content=content)
    trained_until = fields.pop("trained_until", NOON - 2 * DAY)
    metrics = {"golden": golden, "n": 300, "model": {"log_loss": 0.97, "brier_sum": 0.57}}
    return ModelVersion.objects.create(
        pipeline=pipeline,
        number=number,
        artefact=name,
        artefact_sha256=sha256,
        artefact_bytes=len(content),
        estimator_format=artefacts.FORMAT,
        features=SOCCER_V1.names,
        features_sha256=SOCCER_V1.sha256,
        calibration=NO_SCALING,
        metrics={**metrics, **fields.pop("metrics", {})},
        trained_from=trained_until - 365 * DAY,
        trained_until=trained_until,
        n_rows=2000,
        code_version="c" * 64,
        trained_at=NOON - DAY,
        **fields,
    )


def file_of(version: ModelVersion) -> Path:
    return Path(settings.ARTEFACT_DIR) / version.artefact


def damage(version: ModelVersion) -> bytes:
    """Flip a byte of a version's file; return what it held."""
    whole = file_of(version).read_bytes()
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    file_of(version).write_bytes(broken)
    loading.forget()
    return whole


def repair(version: ModelVersion, whole: bytes) -> None:
    file_of(version).write_bytes(whole)
    loading.forget()


def a_person(name: str, *groups: str, **fields: Any) -> User:
    """Return somebody who is in these groups, which stand as the roles of the house."""
    user, _ = User.objects.get_or_create(username=name, defaults=fields)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def gates(failing: Mapping[str, str] | None = None, **states: str) -> dict[str, Any]:
    """Return the answer of every gate: all open but those that fail, with why they do."""
    found: dict[str, Any] = {
        name: {"state": "PASSED", "why": "as it should be", "figures": {}}
        for name in proposals.GATES
    }
    for name, why in (failing or {}).items():
        found[name] = {"state": "FAILED", "why": why, "figures": {}}
    for name, state in states.items():
        found[name]["state"] = state
    return found


def a_proposal(
    version: ModelVersion, *, failing: Mapping[str, str] | None = None, **fields: Any
) -> Proposal:
    """Return an open proposal as ``proposing.propose`` leaves it, its evidence told by the test."""
    champion = version.pipeline.versions.filter(stage="PRODUCTION").first()
    bundle = {
        "version": version.pk,
        "champion": {"id": champion.pk, "name": str(champion)} if champion else None,
        "gates": gates(failing, **fields.pop("states", {})),
    }
    return Proposal.objects.create(
        version=version,
        evidence=bundle,
        evidence_sha256=evidence.digest(bundle),
        gates=bundle["gates"],
        proposed_by=fields.pop("proposed_by", "user:dan"),
        proposed_at=fields.pop("proposed_at", NOON),
        reason="better on its test part",
        **fields,
    )


def approved(proposal: Proposal, *, now: datetime = NOON) -> Proposal:
    """Return a proposal that two people approved."""
    for name, role in (("alice", roles.MODELING_LEAD), ("bob", roles.OPS_LEAD)):
        approving.approve(
            proposal_id=proposal.pk,
            role=role,
            user_id=a_person(name, role).pk,
            evidence_sha256=proposal.evidence_sha256,
            actor=f"user:{name}",
            now=now,
        )
    return proposal


def promoted(version: ModelVersion, *, now: datetime = NOON, **fields: Any) -> ModelVersion:
    """Return a version in production: proposed and approved by two, where its pipeline is real."""
    if not version.pipeline.is_simulated:
        approved(a_proposal(version, proposed_at=now), now=now)
        fields = {"override": "a test's clock", **fields}
    fields = {"actor": "test", "reason": "first", **fields}
    return promoting.promote(version_id=version.pk, now=now, **fields)
