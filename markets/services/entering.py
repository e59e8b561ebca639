"""A result that a person enters, where the sources tell none or all of them are wrong.

It is the next version and wins every open dispute over its event; money is moved again by it.
A source that only repeats what it told before opens nothing anew.
"""

from datetime import datetime

from django.db import transaction

from markets.domain import entries, tellings
from markets.domain.entries import BadEntry, Entry
from markets.domain.tellings import Telling
from markets.models import Event, Result, ResultDispute, Selection, Source
from markets.services import contesting, holding, result_versions, resulting
from markets.services.result_versions import BY_HAND, Version
from monitoring.errors import Refused
from monitoring.services import audit


class WrongResult(Refused):
    """No event of this kind can end so, or it has not begun, or no reason was given."""


class StandsAlready(Refused):
    """That is what stands."""


@transaction.atomic
def enter(*, event_id: int, entry: Entry, actor: str, reason: str, now: datetime) -> Result:
    """Append what a person knows as the newest version of an event's result.

    What the sources added beside the outcome (periods, statistics) stays with the same score.

    Raises:
        WrongResult, StandsAlready: and nothing was written.
        Event.DoesNotExist: there is no such event.
    """
    if not reason.strip():
        raise WrongResult("Say why: the reason is kept in the audit.")
    event = Event.objects.select_related("competition").get(pk=event_id)
    # The same lock as a load's, taken first, so that no telling comes between.
    holding.hold(competitions={event.competition.code})
    event.refresh_from_db()
    told = _telling(event, entry, now=now)
    latest = result_versions.load(event_ids=[event_id])[event_id].latest
    told = _beside(told, latest)
    source = by_hand()
    version = result_versions.make(
        event_id=event_id,
        telling=told,
        before=latest.row if latest else None,
        source_id=source.pk,
        known_at=now,
        recorded_at=now,
    )
    result_versions.store(versions=[version])
    audit.record(
        actor=actor,
        action="markets.enter_result",
        subject=event,
        at=now,
        reason=reason.strip(),
        version=version.row.version,
        before=str(latest.row) if latest else None,
        after=str(version.row),
    )
    resulting.follow(results=[version.row], events={event_id: event}, source=source, now=now)
    _decide(event_id, version, actor=actor, reason=reason.strip(), now=now)
    return version.row


def _telling(event: Event, entry: Entry, *, now: datetime) -> Telling:
    if event.starts_at > now and entry.status not in entries.BEFORE_THE_START:
        raise WrongResult(f"{event} has not begun: it cannot be {entry.status.lower()} yet")
    is_race = event.home_id is None
    runners = _runners(event) if is_race else {}
    try:
        return entries.telling(entry, is_race=is_race, runners=runners)
    except BadEntry as wrong:
        raise WrongResult(f"expected {wrong}") from wrong


def _runners(event: Event) -> dict[int, int]:
    """Return who runs, by the number on the cloth or the trap."""
    rows = Selection.objects.filter(
        market__event=event, number__isnull=False, participant__isnull=False, removed_at=None
    )
    found = rows.values_list("number", "participant_id").distinct()
    return {number: participant for number, participant in found if number is not None}


def _beside(told: Telling, latest: Version | None) -> Telling:
    """Return what is entered with what stands beside it."""
    if latest is None:
        if told.status == Result.Status.WITHDRAWN:
            raise WrongResult("no result stands that could be taken back")
        return told
    told = tellings.corrected(latest.telling, told)
    if told == latest.telling:
        raise StandsAlready(
            f"{latest.row} stands; where a source disputes it, keep what stands in the dispute"
        )
    return told


def by_hand() -> Source:
    """Return the source of what people enter: nothing is ever read from it."""
    return Source.objects.get_or_create(
        code=BY_HAND,
        defaults={
            "name": "Entered by hand",
            "is_enabled": False,
            "disabled_reason": "What people enter: there is nothing to read.",
        },
    )[0]


def _decide(event_id: int, version: Version, *, actor: str, reason: str, now: datetime) -> None:
    """Close every open dispute: it is settled by what a person has entered."""
    for dispute in contesting.load(event_ids=[event_id])[event_id]:
        if dispute.state != ResultDispute.State.OPEN:
            continue
        found = tellings.contradictions(version.telling, contesting.telling_of(dispute))
        state = ResultDispute.State.UPHELD if found else ResultDispute.State.REPLACED
        if found:  # turned down against what stands now: telling it again opens nothing
            dispute.standing = version.row
            dispute.told = {**dispute.told, "differs": [str(one) for one in found]}
            dispute.save(update_fields=["standing", "told"])
        contesting.close(dispute=dispute, state=state, actor=actor, reason=reason, now=now)
