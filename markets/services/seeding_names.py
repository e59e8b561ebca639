"""The teams of leagues that are known by heart, and every name in use for them."""

from markets.domain.teams import LEAGUES
from markets.models import Competition, Participant, ParticipantAlias, Source

MADE_BY = "known by heart"


def ensure_league(*, competition: Competition, source: Source) -> None:
    """Make a league's teams, and the names that a source may use for them there.

    What an operator mapped otherwise is left as it is.  The names hold in this league alone:
    two leagues call different teams "DAL".
    """
    league = LEAGUES[competition.code]
    Participant.objects.bulk_create(
        [Participant(sport_id=competition.sport_id, name=name) for name in sorted(league.teams)],
        ignore_conflicts=True,
    )
    rows = Participant.objects.filter(
        sport=competition.sport_id, name__in=league.teams, qualifier=""
    )
    teams = {row.name: row for row in rows}
    ParticipantAlias.objects.bulk_create(
        [
            ParticipantAlias(
                source=source,
                sport_id=competition.sport_id,
                competition=competition,
                alias=alias,
                participant=teams[team],
                made_by=MADE_BY,
            )
            for alias, team in sorted(league.by_name.items())
        ],
        ignore_conflicts=True,
    )
