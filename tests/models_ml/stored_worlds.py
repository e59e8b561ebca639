"""Worlds of facts in the tables, and the tables as they were at an earlier moment."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from django.db import connection

from markets.models import (
    Book,
    Competition,
    Event,
    EventChange,
    Market,
    Notice,
    Participant,
    PriceSnapshot,
    Result,
    RunnerResult,
    Season,
    Selection,
    Sport,
    StatisticResult,
)
from markets.services import partitions
from models_ml.domain import known
from models_ml.domain.facts import NEVER, NONE, Facts
from tests.models_ml import builders

DATA = {
    "is_dome": ("roof", "dome", "outdoors"),
    "is_retractable": ("roof", "closed", "outdoors"),
    "is_grass": ("surface", "grass", "a_turf"),
    "is_playoff": ("game_type", "WC", "REG"),
}
LATER = (
    "DELETE FROM markets_pricesnapshot WHERE seen_at > %(moment)s",
    "DELETE FROM markets_notice WHERE known_at > %(moment)s",
    "DELETE FROM markets_runnerresult WHERE result_id IN"
    " (SELECT id FROM markets_result WHERE known_at > %(moment)s)",
    "DELETE FROM markets_statisticresult WHERE result_id IN"
    " (SELECT id FROM markets_result WHERE known_at > %(moment)s)",
    "DELETE FROM markets_result WHERE known_at > %(moment)s",
    "UPDATE markets_selection SET removed_at = NULL WHERE removed_at > %(moment)s",
    "UPDATE markets_event e SET starts_at = c.before::timestamptz FROM"
    " (SELECT DISTINCT ON (event_id) * FROM markets_eventchange WHERE known_at > %(moment)s"
    "  AND field = 'starts_at' ORDER BY event_id, known_at) c WHERE c.event_id = e.id",
    "DELETE FROM markets_eventchange WHERE known_at > %(moment)s",
)


def moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)


def rows(table: Any) -> list[dict[str, Any]]:
    """Return a table's rows, each by its columns' names."""
    names = list(table.columns())
    columns = [getattr(table, name).tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def store(facts: Facts, *, sport: str) -> Sport:
    """Store a world of facts; events, sides and books keep their ids."""
    kind = Sport.objects.create(code=sport, name=sport)
    _store_names(facts, kind)
    _store_events(facts, kind)
    _store_results(facts)
    _store_prices(facts)
    _store_notices(facts)
    return kind


def _store_names(facts: Facts, sport: Sport) -> None:
    f, others = facts.fixtures, (facts.entries, facts.figures, facts.quotes)
    sides = {int(pk) for pk in (*f.home, *f.away)} - {NONE}
    persons = {int(pk) for table in others for pk in table.participant} - {NONE} - sides
    role = "RUNNER" if sport.code == "horse_racing" else "PLAYER"
    Participant.objects.bulk_create(
        [Participant(pk=pk, sport=sport, name=facts.names.get(pk, f"Side {pk}")) for pk in sides]
        + [Participant(pk=pk, sport=sport, name=f"Name {pk}", kind=role) for pk in persons]
    )
    Book.objects.bulk_create(
        Book(
            pk=row["id"], code=code, name=code, kind=known.BOOKS[row["kind"]],
            reference_rank=None if row["rank"] == NONE else row["rank"],
            is_enabled=bool(row["enabled"]),
        )
        for row, code in zip(rows(facts.books), facts.books.codes, strict=True)
    )  # fmt: skip


def _store_events(facts: Facts, sport: Sport) -> None:
    plans: dict[int, list[dict[str, Any]]] = {}
    names = sorted(facts.fixtures.attributes)
    told = np.array([facts.fixtures.attributes[name] for name in names]).T
    for number, row in enumerate(rows(facts.fixtures)):
        row["data"] = _data(dict(zip(names, told[number], strict=True))) if names else {}
        plans.setdefault(row["event"], []).append(row)
    seasons: dict[tuple[int, int], Season] = {}
    events, moves = [], []
    for pk, versions in plans.items():
        row = versions[-1]
        where = row["competition"], row["season_rank"]
        if where not in seasons:
            competition = Competition.objects.get_or_create(
                pk=where[0], defaults={"sport": sport, "code": f"c{where[0]}", "name": "C"}
            )[0]
            seasons[where] = Season.objects.create(
                competition=competition, label=f"{2020 + where[1]}-{21 + where[1]}"
            )
        events.append(_event(pk, row, seasons[where]))
        for before, after in pairwise(versions):
            starts = [str(moment(one["starts_at"])) for one in (before, after)]
            moves.append(
                EventChange(
                    event_id=pk, field="starts_at", before=starts[0], after=starts[1],
                    known_at=moment(after["known_at"]),
                )
            )  # fmt: skip
    Event.objects.bulk_create(events)
    EventChange.objects.bulk_create(moves)


def _event(pk: int, row: dict[str, Any], season: Season) -> Event:
    starts_at = moment(row["starts_at"])
    what: dict[str, Any] = {"home_id": row["home"], "away_id": row["away"]}
    if row["home"] == NONE:
        what = {"meeting_date": starts_at.date(), "race_number": pk % 1000}
    return Event(
        pk=pk, competition_id=row["competition"], season=season, name=f"Event {pk}",
        starts_at=starts_at, is_neutral=bool(row["is_neutral"]), leg=1, data=row["data"],
        round="" if row["round"] == NONE else str(row["round"]), **what,
    )  # fmt: skip


def _data(attributes: dict[str, float]) -> dict[str, Any]:
    """Return what a source says that makes these attributes, as far as one can say both."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in DATA:
            key, yes, no = DATA[name]
            found[key] = yes if value else found.get(key, no)
            found[name] = bool(value)
        elif name == "distance":
            found[name] = int(value)
        elif name == "race_class":
            found["type"] = f"CL{int(value)}"
    return found


def _store_results(facts: Facts) -> None:
    source, runs = builders.a_source(), len(facts.runners) > 0
    made = {}
    for row in rows(facts.results):
        final, at = bool(row["is_final"]), moment(row["known_at"])
        scores = {name: row[name] for name in ("home_score", "away_score")}
        made[row["event"], row["version"]] = Result(
            event_id=row["event"], version=row["version"], source=source, known_at=at,
            status="FINAL" if final else "WITHDRAWN", recorded_at=at, has_runners=runs,
            **(scores if final and not runs else {}),
        )  # fmt: skip
    Result.objects.bulk_create(made.values())
    RunnerResult.objects.bulk_create(
        RunnerResult(
            result=made[row["event"], row["version"]], participant_id=row["participant"],
            number=row["number"],
            **{name: bool(row[name]) for name in ("is_winner", "is_placed", "is_removed")},
        )
        for row in rows(facts.runners)
    )  # fmt: skip
    StatisticResult.objects.bulk_create(
        StatisticResult(
            result=made[row["event"], row["version"]], participant_id=row["participant"],
            statistic=facts.figures.statistics[row["statistic"]], value=Decimal(row["value"]),
            took_part=bool(row["took_part"]),
        )
        for row in rows(facts.figures)
    )  # fmt: skip


def _store_prices(facts: Facts) -> None:
    removed = {
        (row["event"], row["participant"]): (row["number"], row["removed_at"])
        for row in rows(facts.entries)
    }
    markets: dict[tuple[Any, ...], Market] = {}
    selections: dict[tuple[Any, ...], Selection] = {}
    snapshots: dict[tuple[Any, ...], PriceSnapshot] = {}
    for row in rows(facts.quotes):
        runs = known.ROLES[row["place"]] == "RUNNER"
        person = None if runs or row["participant"] == NONE else row["participant"]
        line = None if row["line"] != row["line"] else Decimal(str(row["line"]))
        statistic = "" if row["statistic"] == NONE else facts.quotes.statistics[row["statistic"]]
        of = (row["event"], known.KINDS[row["kind"]], person, statistic, line)
        names = ("event_id", "kind", "participant_id", "statistic", "line")
        market = markets.setdefault(of, Market(**dict(zip(names, of, strict=True))))
        one = (*of, row["place"], row["participant"] if runs else None)
        if one not in selections:
            number, gone = removed.get((row["event"], row["participant"]), (None, NEVER))
            selections[one] = Selection(
                market=market, role=known.ROLES[row["place"]], name=str(one[-2:]), line=line,
                participant_id=one[-1], number=number if runs else None,
                removed_at=None if gone == NEVER or not runs else moment(gone),
            )  # fmt: skip
        seen_at = moment(row["seen_at"])
        snapshots[(*one, row["book"], seen_at)] = PriceSnapshot(
            selection=selections[one], book_id=row["book"], seen_at=seen_at, fetched_at=seen_at,
            price=Decimal(row["price_millis"]) / 1000,
        )  # fmt: skip
    times = [one.seen_at for one in snapshots.values()]
    partitions.ensure(months=sorted({(at.year, at.month) for at in times}))
    Market.objects.bulk_create(markets.values())
    Selection.objects.bulk_create(selections.values())
    PriceSnapshot.objects.bulk_create(snapshots.values())


def _store_notices(facts: Facts) -> None:
    source = builders.a_source()
    made = []
    for row in rows(facts.notices):
        word = "" if row["status"] == NONE else facts.notices.statuses[row["status"]]
        has_figures = row["value"] == row["value"]
        made.append(
            Notice(
                source=source, kind=known.NOTICES[row["kind"]], ref=str(row["thread"]),
                version=row["version"] + 1, title="t", digest="x" * 64,
                event_id=None if row["event"] == NONE else row["event"],
                participant_id=None if row["participant"] == NONE else row["participant"],
                status="" if has_figures else word, known_at=moment(row["known_at"]),
                data={word: row["value"]} if has_figures else {},
            )
        )  # fmt: skip
    Notice.objects.bulk_create(made)


def forget(*, after: datetime) -> None:
    """Bring the tables back to a moment: what was told later was never told."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in LATER:
            cursor.execute(statement, {"moment": after})
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
