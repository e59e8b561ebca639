"""What ESPN tells around a game: line-ups, officials, injuries."""

from collections.abc import Sequence
from datetime import datetime

from markets.connectors.base import ParsedEvent, ParsedNotice
from markets.connectors.espn.documents import Boxscore, Injury, Official
from markets.connectors.told import Told
from markets.domain import moments
from markets.domain.teams import League

_KEPT = ("type", "side", "detail", "returnDate")


def add_line_ups(told: Told, event: ParsedEvent, box: Boxscore) -> None:
    """Add each side's starters, where any is marked."""
    for squad in box.players:
        starters = [
            " ".join(played.athlete.displayName.split())
            for table in squad.statistics
            for played in table.athletes
            if played.starter
        ]
        if not starters:
            continue
        team = squad.team.displayName
        told.notices.append(
            ParsedNotice(
                kind="LINEUP",
                ref=f"{event.id}|line-up|{squad.team.id or team}"[:120],
                title=f"Starters of {team}: {', '.join(starters)}"[:300],
                published_at=_by_the_start(event, told.fetched_at),
                event_ref=event.ref,
                competition=event.competition,
                team=team,
                data={"starters": starters},
                record=event.record,
            )
        )


def add_officials(told: Told, event: ParsedEvent, officials: Sequence[Official]) -> None:
    """Add the referees of a game, each by the place that he has among them."""
    for place, official in enumerate(officials, start=1):
        name = " ".join((official.displayName or official.fullName).split())[:120]
        if not name:
            continue
        role = official.position.name if official.position is not None else ""
        told.notices.append(
            ParsedNotice(
                kind="REFEREE",
                ref=f"{event.id}|official|{official.order or place}",
                title=f"{role or 'Official'}: {name}"[:300],
                published_at=_by_the_start(event, told.fetched_at),
                event_ref=event.ref,
                competition=event.competition,
                person=name,
                record=event.record,
            )
        )


def _by_the_start(event: ParsedEvent, fetched_at: datetime) -> datetime | None:
    """Return the start where it is over: by then everybody could know."""
    is_over = event.starts_at is not None and event.starts_at <= fetched_at
    return event.starts_at if is_over else None


def add_injury(told: Told, record: int, injury: Injury, *, team: str, league: League) -> None:
    """Add one injury; without a day of its own it is as old as the answer."""
    athlete = injury.athlete
    person = " ".join(athlete.displayName.split())[:120]
    told.excerpts[record] = f"{person}, {team}: {injury.status}"[:500]
    if not injury.id or not person:
        told.tell(record, "athlete", "an id and a player's name", reject=True)
        return
    published_at = None
    try:
        published_at = moments.stamp(injury.date) if injury.date else None
    except moments.BadMoment as wrong:
        told.tell(record, "date", str(wrong))
    kept = {name: str(injury.details[name])[:100] for name in _KEPT if injury.details.get(name)}
    position = athlete.position.abbreviation if athlete.position is not None else ""
    told.notices.append(
        ParsedNotice(
            kind="INJURY",
            ref=injury.id[:120],
            title=(injury.shortComment or f"{person}: {injury.status}")[:300],
            published_at=published_at,
            competition=league.code,
            team=team,
            person=person,
            status=injury.status[:40],
            body=injury.longComment,
            url=_link(injury),
            data=kept | ({"position": position} if position else {}),
            record=record,
        )
    )


def _link(injury: Injury) -> str:
    addresses = (link.href for link in injury.athlete.links)
    return next((url[:500] for url in addresses if url.startswith("https://")), "")
