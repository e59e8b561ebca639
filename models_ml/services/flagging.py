"""Rules of the games that change: seeded from what is known, kept by people from then on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from markets.models import Sport
from models_ml.domain import rule_flags
from models_ml.models import RuleFlag
from monitoring.errors import Refused
from monitoring.services import audit

CHANGEABLE = ("title", "announced_at", "effective_from", "effective_until")


class FlagRefused(Refused):
    """This change of rules cannot be written so."""


def ensure_rule_flags(*, now: datetime, actor: str = "task:ensure_rule_flags") -> int:
    """Write the changes of rules that the code knows and the table lacks; return how many.

    A row that stands is somebody's: whatever it says is left alone.
    """
    sports = dict(Sport.objects.values_list("code", "pk"))
    with transaction.atomic():
        known = set(RuleFlag.objects.values_list("sport__code", "code"))
        missing = [
            RuleFlag(
                sport_id=sports[flag.sport],
                code=flag.code,
                title=flag.title,
                announced_at=flag.announced_at,
                effective_from=flag.effective_from,
                effective_until=flag.effective_until,
            )
            for flag in rule_flags.FLAGS.values()
            if flag.sport in sports and (flag.sport, flag.code) not in known
        ]
        RuleFlag.objects.bulk_create(missing, ignore_conflicts=True)
        if missing:
            codes = [flag.code for flag in missing]
            audit.record(
                actor=actor,
                action="models_ml.seed_flags",
                subject="rule flags",
                at=now,
                codes=codes,
            )
    return len(missing)


def add(
    *,
    sport: str,
    code: str,
    title: str,
    announced_at: datetime,
    effective_from: datetime,
    effective_until: datetime | None,
    actor: str,
    now: datetime,
) -> RuleFlag:
    """Write a change of rules.

    Raises:
        FlagRefused: there is no such sport, or the dates or the code do not do.
    """
    found = Sport.objects.filter(code=sport).first()
    if found is None:
        raise FlagRefused(f"there is no sport {sport!r}")
    flag = RuleFlag(
        sport=found,
        code=code,
        title=title,
        announced_at=announced_at,
        effective_from=effective_from,
        effective_until=effective_until,
    )
    return _save(flag, "models_ml.add_flag", actor, now, {"code": code})


def change(*, flag_id: int, changes: Mapping[str, Any], actor: str, now: datetime) -> RuleFlag:
    """Correct a change of rules: its title and its dates.

    Raises:
        FlagRefused: there is none, or the dates do not do.
    """
    with transaction.atomic():
        flag = RuleFlag.objects.select_for_update().filter(pk=flag_id).first()
        if flag is None:
            raise FlagRefused(f"there is no rule flag {flag_id}")
        was = {name: str(getattr(flag, name)) for name in changes}
        for name in CHANGEABLE:
            setattr(flag, name, changes.get(name, getattr(flag, name)))
        return _save(flag, "models_ml.change_flag", actor, now, {"was": was})


def _save(
    flag: RuleFlag, action: str, actor: str, now: datetime, detail: Mapping[str, Any]
) -> RuleFlag:
    try:
        flag.full_clean()
    except ValidationError as error:
        raise FlagRefused("; ".join(error.messages)) from error
    with transaction.atomic():
        flag.save()
        audit.record(actor=actor, action=action, subject=flag, at=now, **detail)
    return flag
