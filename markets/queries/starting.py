"""Who is known to start, as it was known at a moment."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from markets.domain import lineups
from markets.models import Market, Participant, ParticipantAlias, Selection
from markets.queries.notices import notices

COLUMNS = ("event_id", "participant_id", "starts", "known_at", "source", "notice_id")


def starters(*, asked: Iterable[tuple[int, int]], as_of: datetime) -> pd.DataFrame:
    """Return what is known of each event and player asked for; who is named nowhere has no row.

    Of several tellings the newest counts, whoever told it.  A player is meant by his id, by his
    name or by any that a source calls him, unless two of the event's players asked for share it.
    Three queries, however many are asked for.  Columns: ``COLUMNS``; starts is bool.
    """
    wanted: dict[int, set[int]] = {}
    for event_id, participant_id in asked:
        wanted.setdefault(event_id, set()).add(participant_id)
    names = names_of({player for players in wanted.values() for player in players})
    meant = {event_id: _meant(players, names) for event_id, players in wanted.items()}
    told = notices(event_ids=sorted(wanted), as_of=as_of, kinds=lineups.KINDS)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for row in told.to_dict("records"):  # in order of known_at: the newest stays
        participant = row["participant_id"]
        said = lineups.said(
            kind=row["kind"],
            status=row["status"],
            person=row["person"],
            participant_id=None if pd.isna(participant) else int(participant),
            data=row["data"],
        )
        for who, starts in said:
            player = meant[row["event_id"]].get(who)
            if player is not None:
                known = {str(name): value for name, value in row.items()}
                known |= {"starts": starts, "participant_id": player}
                found[row["event_id"], player] = known
    return pd.DataFrame(list(found.values()), columns=list(COLUMNS))


def names_of(participant_ids: Iterable[int]) -> dict[int, set[str]]:
    """Return every name that participants are known by, as names are compared."""
    ids = sorted(set(participant_ids))
    found: dict[int, set[str]] = {}
    own = Participant.objects.filter(pk__in=ids).values_list("pk", "name")
    aliases = ParticipantAlias.objects.filter(participant_id__in=ids)
    for pk, name in [*own, *aliases.values_list("participant_id", "alias")]:
        found.setdefault(pk, set()).add(lineups.plain(name))
    return found


def players_asked_for(*, event_id: int) -> Sequence[Participant]:
    """Return the players that markets of an event are about, by name."""
    markets = Market.objects.filter(event_id=event_id, kind__in=lineups.OF_PLAYERS)
    answers = Selection.objects.filter(market__in=markets, participant__isnull=False)
    ids = markets.filter(participant__isnull=False).values("participant_id").union(
        answers.values("participant_id")
    )  # fmt: skip
    return list(Participant.objects.filter(pk__in=ids).order_by("name", "pk"))


def _meant(players: set[int], names: Mapping[int, set[str]]) -> dict[int | str, int]:
    """Return whom each id and each name means; a name that two bear means nobody."""
    bearers: dict[str, set[int]] = {}
    for player in players:
        for name in names.get(player, ()):
            bearers.setdefault(name, set()).add(player)
    meant: dict[int | str, int] = {player: player for player in players}
    for name, who in bearers.items():
        if len(who) == 1:
            meant[name] = next(iter(who))
    return meant
