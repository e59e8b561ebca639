"""The pipelines that every installation has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from markets.models import Sport
from models_ml.models import Pipeline
from models_ml.services import ladders, training
from models_ml.services.default_pipelines import DEFAULTS, SPORTS, TWIN, Default
from monitoring.errors import Refused
from monitoring.services import audit


class UnknownPipeline(Refused):
    """No pipeline has this code."""


@transaction.atomic
def ensure_default_pipelines(*, now: datetime) -> list[Pipeline]:
    """Return the default pipelines, made where they are missing; touches no existing one.

    Rows alone: nothing trains because of them before there is history to learn from.
    """
    wanted = {f"{one.code}{twin}": (one, bool(twin)) for one in DEFAULTS for twin in ("", TWIN)}
    found = Pipeline.objects.in_bulk(list(wanted), field_name="code")
    if missing := [code for code in wanted if code not in found]:
        _add({code: wanted[code] for code in missing})
        found = Pipeline.objects.in_bulk(list(wanted), field_name="code")
        audit.record_all(
            actor="task:ensure_default_pipelines",
            action="models_ml.pipeline_added",
            at=now,
            details={audit.label(found[code]): {"code": code} for code in missing},
        )
    ladders.ensure_default_ladders()
    return [found[code] for code in wanted]


def _add(wanted: Mapping[str, tuple[Default, bool]]) -> None:
    Sport.objects.bulk_create(
        [Sport(code=code, name=name) for code, name in SPORTS.items()], ignore_conflicts=True
    )
    sports = Sport.objects.in_bulk(list(SPORTS), field_name="code")
    Pipeline.objects.bulk_create(
        [
            Pipeline(
                code=code,
                sport=sports[one.sport],
                market_kind=one.market_kind,
                feature_set=one.feature_set,
                target=one.target,
                statistic=one.statistic,
                is_simulated=is_simulated,
            )
            for code, (one, is_simulated) in wanted.items()
        ],
        ignore_conflicts=True,
    )


def chosen(*, name: str) -> list[Pipeline]:
    """Return the pipeline of this code, or every pipeline of the feature set of this name.

    Raises:
        UnknownPipeline: neither exists.
    """
    rows = Pipeline.objects.select_related("sport").order_by("pk")
    found = list(rows.filter(code=name)) or list(rows.filter(feature_set=name))
    if not found:
        known = ", ".join(rows.values_list("code", flat=True)) or "none yet"
        raise UnknownPipeline(f"no pipeline or feature set {name!r}; pipelines: {known}")
    return found


def named(*, code: str) -> Pipeline:
    """Return the pipeline of this code.

    Raises:
        UnknownPipeline: there is none.
    """
    rows = Pipeline.objects.select_related("sport")
    found = rows.filter(code=code).first()
    if found is None:
        known = ", ".join(rows.order_by("pk").values_list("code", flat=True)) or "none yet"
        raise UnknownPipeline(f"no pipeline {code!r}; pipelines: {known}")
    return found


@transaction.atomic
def set_parameters(
    *, pipeline_id: int, parameters: Mapping[str, Any], reason: str, actor: str, now: datetime
) -> Pipeline:
    """Write what a pipeline's training is told from now on; versions that stand keep theirs.

    Raises:
        Pipeline.DoesNotExist: there is no such pipeline.
        BadParameters: training would not understand them.
    """
    training.check_parameters(parameters)
    pipeline = Pipeline.objects.select_for_update().get(pk=pipeline_id)
    before, pipeline.parameters = pipeline.parameters, dict(parameters)
    pipeline.save(update_fields=["parameters"])
    audit.record(
        actor=actor,
        action="models_ml.set_parameters",
        subject=pipeline,
        at=now,
        changed={"parameters": [before, pipeline.parameters]},
        reason=reason,
    )
    return pipeline
