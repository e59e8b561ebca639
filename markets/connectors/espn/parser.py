"""From ESPN's answers to facts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import msgspec

from markets.connectors import payloads
from markets.connectors.base import (
    ParsedBatch,
    ParsedCompetition,
    ParsedEvent,
    ParsedResult,
    Reading,
)
from markets.connectors.espn import boxscores, documents, notices
from markets.connectors.espn.documents import Competition, Document, Game, Injury
from markets.connectors.told import Rejected, Told
from markets.domain import moments, us_seasons
from markets.domain.teams import LEAGUES, League, league_of

FINAL = "STATUS_FINAL"
#: States that say something of the game itself; a result of its own comes of those in RESULTS.
STATES = {
    "STATUS_SCHEDULED": "SCHEDULED",
    "STATUS_DELAYED": "SCHEDULED",
    "STATUS_IN_PROGRESS": "LIVE",
    "STATUS_HALFTIME": "LIVE",
    "STATUS_END_PERIOD": "LIVE",
    "STATUS_SUSPENDED": "LIVE",
    FINAL: "SCHEDULED",  # the result says that it is over
    "STATUS_POSTPONED": "POSTPONED",
    "STATUS_CANCELED": "CANCELLED",
    "STATUS_ABANDONED": "ABANDONED",
}
#: A postponed game has no result yet: whether its bets stand is for its date to decide.
RESULTS = {"STATUS_CANCELED": "CANCELLED", "STATUS_ABANDONED": "ABANDONED"}
RESULT_AFTER_START = {"american_football": timedelta(hours=4), "basketball": timedelta(hours=3)}
PRESEASON = 1

_Kind = TypeVar("_Kind")


def batch(payload: bytes, *, reading: Reading) -> ParsedBatch:
    """Take one answer apart, whichever of the three kinds it is."""
    told = Told(reading.name, reading.fetched_at)
    leagues: dict[str, League] = {}
    try:
        document: Document = payloads.json_document(payload, Document)
    except payloads.BadPayload as wrong:
        told.tell(None, "", str(wrong))
        return told.batch(competitions=())
    hint = str(reading.options.get("league", ""))
    named = hint or (document.leagues[0].abbreviation if document.leagues else "")
    if document.events is not None:
        for record, raw in enumerate(document.events, start=1):
            game = _decoded(told, record, raw, Game)
            if game is not None and (league := _add_game(told, record, game, named)):
                leagues[league.code] = league
        told.records = len(document.events)
    elif document.injuries is not None:
        _add_injuries(told, document.injuries, named, leagues)
    elif document.header is not None:
        told.records = 1
        named = hint or (document.header.league.abbreviation if document.header.league else "")
        if league := _add_summary(told, document, document.header, named):
            leagues[league.code] = league
    else:
        what = "a scoreboard, a summary or a list of injuries"
        error = document.message or document.code
        told.tell(None, "", f"{what}, not the error {error!r}" if error else what)
    return told.batch(competitions=[_competition(league) for league in leagues.values()])


def _competition(league: League) -> ParsedCompetition:
    return ParsedCompetition(
        code=league.code,
        name=league.name,
        country=league.country,
        sport=league.sport,
        time_zone=league.time_zone,
    )


def _decoded(told: Told, record: int, raw: msgspec.Raw, kind: type[_Kind]) -> _Kind | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        said = payloads.in_words(wrong, what="an item as ESPN writes it")
        told.tell(record, "", said, reject=True)
        return None


def _add_game(told: Told, record: int, game: Game, named: str) -> League | None:
    """Add a game with its result, and return its league; None where the record is rejected."""
    try:
        event, league = _event(told, record, game, named)
    except Rejected as why:
        told.tell(record, why.at, str(why), reject=True)
        return None
    told.events.append(event)
    if (state := _state(game)) not in STATES:
        told.tell(record, "status", f"a state that is read, not {state[:60]!r}")
    result = _result(told, event, game, league)
    if result is not None:
        told.results.append(result)
    return league


def _event(told: Told, record: int, game: Game, named: str) -> tuple[ParsedEvent, League]:
    """Return a game's event and its league.

    Raises:
        Rejected: it is no game of a league that is read.
    """
    found = game.competitions[0] if game.competitions else Competition([])
    if found.type is not None and found.type.abbreviation == "ALLSTAR":
        raise Rejected("type", "a league game, not an all-star one")
    if game.season is not None and game.season.type == PRESEASON:
        raise Rejected("season", "a league game, not one of the preseason")
    sides = {side.homeAway: side.team.displayName for side in found.competitors}
    home, away = sides.get("home", ""), sides.get("away", "")
    day = found.date or game.date
    told.excerpts[record] = f"{away} at {home}, {day}, {game.id}"[:500]
    if not home or not away or home == away or not 0 < len(game.id) <= 80:
        raise Rejected("competitors", "an id, a home side and an away side")
    league = LEAGUES.get(named) or league_of([home, away])
    if league is None:
        raise Rejected("league", f"a game of {', '.join(LEAGUES)}, not {away[:60]} at {home[:60]}")
    try:
        starts_at = moments.stamp(day)
    except moments.BadMoment as wrong:
        raise Rejected("date", str(wrong)) from wrong
    event = ParsedEvent(
        ref=game.id,
        id=game.id,
        competition=league.code,
        season=us_seasons.of_year(league=league.code, year=game.season.year)
        if game.season is not None
        else us_seasons.of_start(league=league.code, starts_at=starts_at),
        home=home,
        away=away,
        starts_at=starts_at,
        status=STATES.get(_state(game), "SCHEDULED"),
        is_neutral=found.neutralSite,
        record=record,
    )
    return event, league


def _state(game: Game) -> str:
    for status in (game.competitions[0].status if game.competitions else None, game.status):
        if status is not None and status.type.name:
            return status.type.name
    return "STATUS_SCHEDULED"


def _result(told: Told, event: ParsedEvent, game: Game, league: League) -> ParsedResult | None:
    state, record = _state(game), event.record
    if state in RESULTS:
        status = RESULTS[state]
        return ParsedResult(event.ref, status, None, None, known_at=told.fetched_at, record=record)
    if state != FINAL or event.starts_at is None:
        return None  # before the start the score reads "0"
    by_side = {side.homeAway: side for side in game.competitions[0].competitors}
    home, away = (boxscores.score(by_side[side].score) for side in ("home", "away"))
    if home is None or away is None:
        found = [str(by_side[side].score)[:20] for side in ("home", "away")]
        told.tell(record, "score", f"a whole score of both sides, not {found[0]!r}, {found[1]!r}")
        return None
    periods = boxscores.periods(by_side["home"].linescores, by_side["away"].linescores)
    if periods is None or (periods and boxscores.total(periods) != (home, away)):
        told.tell(record, "linescores", f"periods that sum to {home} and {away}")
        periods = {}
    half = boxscores.at_half(periods)
    return ParsedResult(
        event_ref=event.ref,
        status="FINAL",
        home_score=home,
        away_score=away,
        home_score_half=half[0],
        away_score_half=half[1],
        known_at=min(event.starts_at + RESULT_AFTER_START[league.sport], told.fetched_at),
        periods=periods,
        had_overtime="OT" in periods if periods else None,
        record=record,
    )


def _add_summary(told: Told, document: Document, header: Game, named: str) -> League | None:
    """Add one game with everything around it.

    A summary may come without its header's teams: then its game is found by its id, and there
    is no result.
    """
    box = document.boxscore or documents.Boxscore()
    if header.competitions:
        league = _add_game(told, 1, header, named)
    else:
        league = _add_known_game(told, header, box, named)
    if league is None:
        return None
    event = told.events[0]
    if league.sport == "basketball" and told.results:
        statistics = boxscores.statistics(told, box)
        told.results[:] = [replace(result, statistics=statistics) for result in told.results]
    notices.add_line_ups(told, event, box)
    if document.gameInfo is not None:
        notices.add_officials(told, event, document.gameInfo.officials)
    return league


def _add_known_game(told: Told, header: Game, box: documents.Boxscore, named: str) -> League | None:
    sides = {team.homeAway: team.team.displayName for team in box.teams}
    home, away = sides.get("home", ""), sides.get("away", "")
    league = LEAGUES.get(named) or league_of([name for name in (home, away) if name])
    if not header.id or not home or not away or league is None:
        told.tell(1, "header", "a header with teams", reject=True)
        return None
    told.tell(1, "header", "a header with teams; the game is found by its id, without a result")
    told.excerpts[1] = f"{away} at {home}, {header.id}"[:500]
    told.events.append(
        ParsedEvent(
            ref=header.id,
            id=header.id,
            competition=league.code,
            season="",
            home=home,
            away=away,
            is_known_only=True,
            record=1,
        )
    )
    return league


def _add_injuries(
    told: Told,
    teams: Sequence[documents.InjuredTeam],
    named: str,
    leagues: dict[str, League],
) -> None:
    names = [team.displayName for team in teams]
    league = LEAGUES.get(named) or league_of(names)
    for team in teams:
        for raw in team.injuries:
            told.records += 1
            injury = _decoded(told, told.records, raw, Injury)
            if injury is None:
                continue
            if league is None:
                expected = f"teams of {', '.join(LEAGUES)}, not {team.displayName[:60]!r}"
                told.tell(told.records, "displayName", expected, reject=True)
                continue
            leagues[league.code] = league
            notices.add_injury(told, told.records, injury, team=team.displayName, league=league)
