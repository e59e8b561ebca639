"""Mappings of files of any layout: written, changed and restored by operators, tried beforehand.

A mapping is never overwritten unseen: each change is a revision with its reason, and a payload is
always read again by the revision that was in force when it came.
"""

import io
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from markets.connectors.base import ParsedBatch, Reading
from markets.connectors.csv_import import CsvImport
from markets.domain import mapping as mappings
from markets.domain.mapping import BadMapping, MappingSpec
from markets.models import ImportMapping, ImportMappingRevision, Source
from markets.services.presets import PRESETS
from monitoring.errors import Refused
from monitoring.services import audit

SOURCE = CsvImport.code
SHOWN = 50  # records of a preview
LONGEST_SAMPLE = 2_000_000
SHIPPED_AT = datetime(2026, 11, 21, tzinfo=UTC)


class MappingRefused(Refused):
    """The mapping cannot be used, or there is no such one."""


class MappingChanged(Refused):
    """Somebody changed the mapping since it was read."""


# -- reading by a mapping ------------------------------------------------------
def reading_options(*, source: Source, name: str) -> dict[str, Any]:
    """Return with which options a payload of this name is read.

    They are the source's own; for files by mapping they hold the mapping and its revision too, so
    that the look can be repeated.  Where no enabled mapping fits, they hold none: the connector
    tells that one is missing.
    """
    options = dict(source.options)
    if source.code != SOURCE or "spec" in options:
        return options
    ensure_presets()
    found = mapping_for(name=name, named=str(options.get("mapping", "")))
    if found is None:
        return options
    return {**options, "mapping": found.name, "revision": found.revision, "spec": found.spec}


def mapping_for(*, name: str, named: str = "") -> ImportMapping | None:
    """Return the enabled mapping of a file: the one that is named, else the closest pattern's."""
    enabled = ImportMapping.objects.filter(is_enabled=True)
    if named:
        return enabled.filter(name=named).first()
    file = PurePosixPath(name.replace("\\", "/")).name.lower()
    fitting = [one for one in enabled if fnmatchcase(file, one.file_pattern.lower())]
    return max(fitting, key=lambda one: (len(one.file_pattern), one.name), default=None)


def as_allowed(*, source: Source, options: Mapping[str, Any]) -> Source:
    """Return the source with what a payload's mapping lets it make; others as they are.

    The copy is for reading alone and is never saved.
    """
    raw = options.get("spec")
    if source.code != SOURCE or not isinstance(raw, Mapping):
        return source
    try:
        spec = mappings.read(raw)
    except BadMapping:
        return source
    allowed = copy(source)
    allowed.creates_names = spec.creates_names
    allowed.creates_players = spec.creates_players
    allowed.namespace = spec.namespace or source.namespace
    return allowed


# -- writing mappings ----------------------------------------------------------
def ensure_presets() -> None:
    """Make the shipped mappings that are missing; those that stand are left as they are."""
    standing = set(ImportMapping.objects.values_list("name", flat=True))
    missing = [preset for preset in PRESETS if preset.name not in standing]
    for preset in missing:
        _make_preset(preset.name, preset.title, preset.file_pattern, preset.spec)


def _make_preset(name: str, title: str, file_pattern: str, spec: Mapping[str, Any]) -> None:
    with transaction.atomic():
        made, is_new = ImportMapping.objects.get_or_create(
            name=name,
            defaults={
                "title": title,
                "file_pattern": file_pattern,
                "spec": mappings.plain(mappings.read(spec)),
                "changed_by": "shipped",
                "changed_at": SHIPPED_AT,
            },
        )
        if is_new:
            _remember(made, reason="shipped")


def create_mapping(
    *,
    name: str,
    title: str,
    file_pattern: str,
    spec: Mapping[str, Any],
    is_enabled: bool = True,
    reason: str = "",
    actor: str,
    now: datetime,
) -> ImportMapping:
    """Write a new mapping.

    Raises:
        MappingRefused: it cannot be used, or there is one of this name.
    """
    made = ImportMapping(
        name=_name(name),
        title=_text(title, "title", 120),
        file_pattern=_text(file_pattern, "file_pattern", 120),
        spec=checked(spec),
        is_enabled=is_enabled,
        changed_by=actor,
        changed_at=now,
    )
    with transaction.atomic():
        if ImportMapping.objects.filter(name=made.name).exists():
            raise MappingRefused(f"there is a mapping {made.name!r} already")
        made.save(force_insert=True)
        _remember(made, reason=reason)
        _audit(made, "markets.create_mapping", reason=reason)
    return made


def change_mapping(
    *,
    mapping_id: int,
    expected_revision: int | None = None,
    title: str | None = None,
    file_pattern: str | None = None,
    spec: Mapping[str, Any] | None = None,
    is_enabled: bool | None = None,
    reason: str,
    actor: str,
    now: datetime,
) -> ImportMapping:
    """Change what is given of a mapping, as a new revision; changing nothing makes none.

    Raises:
        MappingRefused: it cannot be used, there is no such one, or no reason was given.
        MappingChanged: it is no longer at ``expected_revision``.
    """
    if not reason.strip():
        raise MappingRefused("give a reason")
    with transaction.atomic():
        row = _locked(mapping_id, expected_revision)
        wanted = _wanted(title, file_pattern, spec, is_enabled)
        changed = {key: value for key, value in wanted.items() if value != getattr(row, key)}
        if not changed:
            return row
        for key, value in changed.items():
            setattr(row, key, value)
        row.revision += 1
        row.changed_by, row.changed_at = actor, now
        row.save()
        _remember(row, reason=reason)
        _audit(row, "markets.change_mapping", reason=reason, changed=sorted(changed))
    return row


def _wanted(
    title: str | None,
    file_pattern: str | None,
    spec: Mapping[str, Any] | None,
    is_enabled: bool | None,
) -> dict[str, Any]:
    """Return what is given of a change, as it would be kept."""
    wanted: dict[str, Any] = {}
    if title is not None:
        wanted["title"] = _text(title, "title", 120)
    if file_pattern is not None:
        wanted["file_pattern"] = _text(file_pattern, "file_pattern", 120)
    if spec is not None:
        wanted["spec"] = checked(spec)
    if is_enabled is not None:
        wanted["is_enabled"] = is_enabled
    return wanted


def restore_mapping(
    *,
    mapping_id: int,
    revision: int,
    expected_revision: int | None = None,
    reason: str,
    actor: str,
    now: datetime,
) -> ImportMapping:
    """Let a mapping say what it said at an earlier revision; that is a new revision.

    Raises:
        MappingRefused, MappingChanged: as in ``change_mapping``.
    """
    old = ImportMappingRevision.objects.filter(mapping_id=mapping_id, revision=revision).first()
    if old is None:
        raise MappingRefused(f"there is no revision {revision} of this mapping")
    return change_mapping(
        mapping_id=mapping_id,
        expected_revision=expected_revision,
        spec=old.spec,
        reason=reason,
        actor=actor,
        now=now,
    )


def checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as it is kept.

    Raises:
        MappingRefused: it cannot be used, and why.
    """
    try:
        return mappings.plain(mappings.read(spec))
    except BadMapping as wrong:
        raise MappingRefused(str(wrong)) from wrong


def _locked(mapping_id: int, expected_revision: int | None) -> ImportMapping:
    row = ImportMapping.objects.select_for_update().filter(pk=mapping_id).first()
    if row is None:
        raise MappingRefused("there is no such mapping")
    if expected_revision is not None and row.revision != expected_revision:
        raise MappingChanged(
            f"{row.name} is at revision {row.revision} by {row.changed_by},"
            f" not at {expected_revision}: read it again"
        )
    return row


def _remember(row: ImportMapping, *, reason: str) -> None:
    ImportMappingRevision.objects.create(
        mapping=row,
        revision=row.revision,
        spec=row.spec,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        reason=reason.strip()[:250],
    )


def _audit(row: ImportMapping, action: str, *, reason: str, **detail: Any) -> None:
    audit.record(
        actor=row.changed_by,
        action=action,
        subject=row,
        at=row.changed_at,
        revision=row.revision,
        reason=reason.strip()[:250],
        **detail,
    )


def _name(text: str) -> str:
    name = text.strip()
    try:
        validate_slug(name)
    except ValidationError as wrong:
        raise MappingRefused("name: letters, digits, hyphens and underscores") from wrong
    if len(name) > 50:
        raise MappingRefused("name: up to 50 characters")
    return name


def _text(text: str, field: str, at_most: int) -> str:
    kept = " ".join(text.split())
    if not kept or len(kept) > at_most or not kept.isprintable():
        raise MappingRefused(f"{field}: 1 to {at_most} printable characters")
    return kept


# -- trying one beforehand -----------------------------------------------------
def preview(
    *, spec: Mapping[str, Any], payload: bytes, name: str, zone: str = "UTC", now: datetime
) -> dict[str, Any]:
    """Return what a file's first portion says by a mapping; nothing is looked up or written.

    The first records one by one, how many facts of each kind there are, and every problem.

    Raises:
        MappingRefused: the mapping cannot be used, or the sample is too large.
    """
    if len(payload) > LONGEST_SAMPLE:
        raise MappingRefused(f"a sample of up to {LONGEST_SAMPLE} bytes, not {len(payload)}")
    options = {"spec": checked(spec)}
    reading = Reading(name, now, options=options, time_zone=zone)
    batch = next(CsvImport().read(io.BytesIO(payload), reading=reading))
    rejected = {problem.row for problem in batch.problems if problem.is_rejection}
    return {
        "counts": {
            "rows": batch.records,
            "rejected": len(rejected),
            "events": len({event.ref for event in batch.events}),
            "prices": len(batch.prices),
            "results": len(batch.results),
            "problems": len(batch.problems),
        },
        "records": [_shown(batch, number) for number in sorted(batch.excerpts)[:SHOWN]],
        "problems": [
            {"row": problem.row, "field": problem.field, "message": problem.message}
            for problem in batch.problems[:SHOWN]
        ],
    }


def _shown(batch: ParsedBatch, number: int) -> dict[str, Any]:
    """Return one record as it would be loaded, for people."""
    part = batch.only([number])
    event = next((event for event in part.events if event.record == number), None)
    return {
        "row": number,
        "text": batch.excerpts[number][:200],
        "event": "" if event is None else _event_text(event),
        "prices": [
            f"{price.book} {price.kind} {price.role} {price.runner}".strip()
            + ("" if price.line is None else f" {price.line}")
            + f" {price.price} at {price.seen_at:%Y-%m-%d %H:%M} UTC"
            for price in part.prices
        ],
        "result": next(
            (f"{one.status} {one.home_score}:{one.away_score}" for one in part.results), ""
        ),
        "problems": [problem.message for problem in part.problems],
    }


def _event_text(event: Any) -> str:
    who = f"{event.home} v {event.away}" if event.home else event.id or event.ref
    where = " ".join(filter(None, (event.competition, event.season)))
    when = "" if event.starts_at is None else f"{event.starts_at:%Y-%m-%d %H:%M} UTC"
    return ", ".join(filter(None, (who, where, when)))


def described(spec: MappingSpec) -> str:
    """Return in one line what a mapping reads."""
    what = [f"{len(spec.prices)} columns of prices"] if spec.prices else []
    what += ["results"] if spec.result is not None else []
    what += [f"{len(spec.data)} more columns"] if spec.data else []
    return f"{spec.sport}: {', '.join(what)}"
