"""What a promotion asks for and what is kept for how long: changed with a reason, audited."""

import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any, TypeVar

from django.db import transaction
from django.forms.models import model_to_dict

from models_ml.models import HygienePolicy, Pipeline, PromotionPolicy
from monitoring.errors import Refused
from monitoring.services import audit

Policy = TypeVar("Policy", PromotionPolicy, HygienePolicy)
Check = Callable[[Any], bool]


class WrongPolicy(Refused):
    """Nothing can be asked for or kept so, or no reason was given."""


def _whole(least: int, most: int) -> tuple[Check, str]:
    def check(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return check, f"a whole number from {least} to {most}"


def _over(most: float) -> tuple[Check, str]:
    def check(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and 0 < value <= most

    return check, f"a number over 0, {most:g} at most"


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _are_days(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and value == sorted(set(value))
        and all(type(day) is int and 0 <= day <= 6 for day in value)
    )


def _is_zone(value: Any) -> bool:
    return value in zoneinfo.available_timezones()


_EXPIRY = _whole(1, 3_650)
PROMOTION: Mapping[str, tuple[Check, str]] = {
    "weekdays": (_are_days, "days of the week in order, Monday being 0"),
    "until_time": (lambda value: isinstance(value, time), "a time of the day"),
    "time_zone": (_is_zone, 'a time zone such as "Europe/London"'),
    "slope_tolerance": _over(1.0),
    "minimum_test_rows": _whole(1, 1_000_000),
    "minimum_challenger_bets": _whole(1, 1_000_000),
    "too_good_sigma": _over(10.0),
    "wants_significance": (_is_switch, "yes or no"),
    "expires_after_days": (
        lambda value: value is None or _EXPIRY[0](value),
        f"{_EXPIRY[1]}, or nothing: never",
    ),
    "proposal_expires_days": _whole(1, 365),
}
HYGIENE: Mapping[str, tuple[Check, str]] = {
    "keep_days": _whole(1, 36_500),
    "keep_last": _whole(1, 10_000),
    "keep_best": _whole(0, 10_000),
    "predictions_days": _whole(30, 36_500),
    "rehearsals_days": _whole(1, 3_650),
    "is_enabled": (_is_switch, "yes or no"),
}


def change_promotion(
    *,
    pipeline_id: int | None,
    changes: Mapping[str, Any],
    actor: str,
    reason: str,
    now: datetime,
) -> PromotionPolicy:
    """Change what versions of a pipeline must show; None: of all without a policy of their own.

    A pipeline without one is given the house's, changed so.  What was weighed already keeps the
    answers it got.

    Raises:
        WrongPolicy: no reason, no such pipeline, nothing to change, or values that cannot be.
    """
    return _change(PromotionPolicy, PROMOTION, pipeline_id, changes, actor, reason, now)


def change_hygiene(
    *,
    pipeline_id: int | None,
    changes: Mapping[str, Any],
    actor: str,
    reason: str,
    now: datetime,
) -> HygienePolicy:
    """Change what is kept of a pipeline; None: of all without a policy of their own.

    Raises:
        WrongPolicy: no reason, no such pipeline, nothing to change, or values that cannot be.
    """
    return _change(HygienePolicy, HYGIENE, pipeline_id, changes, actor, reason, now)


def _change(
    kind: type[Policy],
    known: Mapping[str, tuple[Check, str]],
    pipeline_id: int | None,
    changes: Mapping[str, Any],
    actor: str,
    reason: str,
    now: datetime,
) -> Policy:
    if not reason.strip():
        raise WrongPolicy("say why: the reason is kept in the audit")
    _check(changes, known)
    with transaction.atomic():
        policy = _locked(kind, pipeline_id)
        before = model_to_dict(policy, fields=list(changes))
        for name, value in changes.items():
            setattr(policy, name, value)
        policy.save(update_fields=list(changes))
        audit.record(
            actor=actor,
            action=f"models_ml.change_{policy._meta.model_name}",
            subject=policy,
            at=now,
            reason=reason.strip(),
            changed={
                name: [_plain(before[name]), _plain(value)]
                for name, value in changes.items()
                if before[name] != value
            },
        )
    return policy


def _check(changes: Mapping[str, Any], known: Mapping[str, tuple[Check, str]]) -> None:
    if unknown := sorted(changes.keys() - known.keys()):
        raise WrongPolicy(f"{', '.join(unknown)}: there is no such thing to change")
    if not changes:
        raise WrongPolicy(f"one of {', '.join(known)} is changed")
    for name, value in changes.items():
        is_right, wanted = known[name]
        if not is_right(value):
            raise WrongPolicy(f"{name} is {wanted}, not {value!r}")


def _locked(kind: type[Policy], pipeline_id: int | None) -> Policy:
    """Return the policy, locked; a pipeline's first one is a copy of the house's."""
    pipeline = None
    if pipeline_id is not None:
        # Two who give a pipeline its first policy wait for one another here.
        pipeline = Pipeline.objects.select_for_update().filter(pk=pipeline_id).first()
        if pipeline is None:
            raise WrongPolicy(f"there is no pipeline {pipeline_id}")
    fields = [one.name for one in kind._meta.fields if one.name not in ("id", "pipeline")]
    house = kind._default_manager.filter(pipeline=None).first() or kind()
    policy, _ = kind._default_manager.select_for_update().get_or_create(
        pipeline=pipeline, defaults={name: getattr(house, name) for name in fields}
    )
    return policy


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, time) else value
