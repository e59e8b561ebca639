"""Mappings of bets' files: shipped ones, and those that operators write, changed with a reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from betting.domain import bet_mapping
from betting.domain.bet_mapping import BadMapping
from betting.models import BetMapping
from betting.services.bet_presets import PRESETS
from monitoring.errors import Refused
from monitoring.services import audit

SHIPPED = "shipped"


class MappingRefused(Refused):
    """This mapping cannot be written so."""


def ensure_presets(*, now: datetime) -> int:
    """Add the shipped mappings that are missing; return how many.

    One that nobody changed is brought up to what is shipped now; an operator's is never touched.
    """
    rows = BetMapping.objects.filter(name__in=PRESETS, changed_by=SHIPPED)
    for row in rows:
        if row.spec != (spec := checked(PRESETS[row.name].spec)):
            rows.filter(pk=row.pk).update(spec=spec, changed_at=now)
    known = set(BetMapping.objects.values_list("name", flat=True))
    missing = [preset for name, preset in PRESETS.items() if name not in known]
    BetMapping.objects.bulk_create(
        [
            BetMapping(
                name=preset.name,
                title=preset.title,
                spec=checked(preset.spec),
                changed_by=SHIPPED,
                changed_at=now,
            )
            for preset in missing
        ],
        ignore_conflicts=True,
    )
    return len(missing)


def checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as it is kept.

    Raises:
        MappingRefused: it cannot be used, and why.
    """
    try:
        return bet_mapping.plain(bet_mapping.read(spec))
    except BadMapping as bad:
        raise MappingRefused(f"spec: {bad}") from bad


def write(
    *,
    name: str,
    title: str,
    spec: Mapping[str, Any],
    is_enabled: bool = True,
    reason: str,
    actor: str,
    now: datetime,
) -> BetMapping:
    """Write a mapping anew, or change the one of this name; changing nothing is no change.

    Raises:
        MappingRefused: it cannot be used, has no name or title, or no reason was given.
    """
    if not reason.strip() or len(reason) > 250 or not reason.isprintable():
        raise MappingRefused("reason: say why, in at most 250 characters")
    title = " ".join(title.split())
    if not title or len(title) > 120 or not title.isprintable():
        raise MappingRefused("title: 1 to 120 printable characters")
    wanted = {"title": title, "spec": checked(spec), "is_enabled": is_enabled}
    with transaction.atomic():
        row, is_new = BetMapping.objects.select_for_update().get_or_create(
            name=_name(name), defaults={**wanted, "changed_by": actor, "changed_at": now}
        )
        before = {key: getattr(row, key) for key, value in wanted.items()}
        changed = sorted(key for key, value in wanted.items() if before[key] != value)
        if not (is_new or changed):
            return row
        for key in changed:
            setattr(row, key, wanted[key])
        row.changed_by, row.changed_at = actor, now
        row.save()
        was = None if is_new else {key: before[key] for key in changed}
        audit.record(
            actor=actor, action="betting.write_mapping", subject=row, at=now,
            reason=reason.strip(), before=was, after={key: wanted[key] for key in wanted},
        )  # fmt: skip
    return row


def _name(text: str) -> str:
    name = text.strip()
    try:
        validate_slug(name)
    except ValidationError as bad:
        raise MappingRefused("name: letters, digits, hyphens and underscores") from bad
    if len(name) > 50:
        raise MappingRefused("name: up to 50 characters")
    return name
