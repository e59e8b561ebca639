"""What is stored of results, as tellings: every version of an event's, and the way back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from markets.domain import tellings
from markets.domain.tellings import Figure, Runner, Telling
from markets.models import Result, RunnerResult, StatisticResult
from markets.services import copying

CHUNK = 2_000
BY_HAND = "by_hand"  # the code of the source of what people enter


@dataclass(slots=True)
class Version:
    """One version, with its runners and statistics where they were asked for."""

    row: Result
    telling: Telling


@dataclass(slots=True)
class History:
    """An event's versions, oldest first."""

    versions: list[Version]

    @property
    def latest(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    def owner(self, part: str) -> int | None:
        """Return the source that first told the part as it stands now."""
        found = None
        for version in reversed(self.versions):
            if version.telling.part(part) != self.versions[-1].telling.part(part):
                break
            found = version.row.source_id
        return found

    def overruled(self, source_id: int) -> list[Telling]:
        """Return what a source told before a person entered what stands now instead."""
        stored = [version for version in self.versions if version.row.pk]
        entered = [n for n, version in enumerate(stored) if version.row.source.code == BY_HAND]
        before = stored[: entered[-1]] if entered else []
        return [version.telling for version in before if version.row.source_id == source_id]

    def last_heard(self, source_id: int) -> datetime | None:
        """Return when the source's own last version was recorded."""
        heard = [v.row.recorded_at for v in self.versions if v.row.source_id == source_id]
        return heard[-1] if heard else None


def load(
    *, event_ids: Iterable[int], known: Mapping[int, Collection[str]] | None = None
) -> dict[int, History]:
    """Return each event's versions.

    ``known`` are the digests of what is told of an event now: where they are all that of its
    newest version, nothing new is told, and its runners and statistics are left unread.
    """
    histories = {pk: History([]) for pk in event_ids}
    rows = (
        Result.objects.filter(event_id__in=list(histories))
        .select_related("source")
        .order_by("event_id", "version")
    )
    newest: dict[int, Result] = {}
    for row in rows:
        histories[row.event_id].versions.append(Version(row, _plain(row)))
        newest[row.event_id] = row
    known = known or {}
    same = {pk for pk, row in newest.items() if set(known.get(pk, ())) == {row.digest}}
    _read_details(
        [v for pk, history in histories.items() if pk not in same for v in history.versions]
    )
    return histories


def _plain(row: Result) -> Telling:
    return Telling(
        status=row.status,
        score=(row.home_score, row.away_score),
        half=(row.home_score_half, row.away_score_half),
        winner=row.winner,
        had_overtime=row.had_overtime,
        periods={name: tuple(score) for name, score in row.periods.items()},
    )


def _read_details(versions: Sequence[Version]) -> None:
    """Read the runners and statistics of the versions that have some, in two queries."""
    runners: dict[int, dict[int, Runner]] = {v.row.pk: {} for v in versions if v.row.has_runners}
    for row in RunnerResult.objects.filter(result_id__in=list(runners)) if runners else ():
        runners[row.result_id][row.participant_id] = Runner(
            number=row.number,
            position=row.position,
            is_winner=row.is_winner,
            is_placed=row.is_placed,
            is_removed=row.is_removed,
            reduction=row.reduction,
        )
    figures: dict[int, dict[tuple[int, str], Figure]] = {
        v.row.pk: {} for v in versions if v.row.has_statistics
    }
    for one in StatisticResult.objects.filter(result_id__in=list(figures)) if figures else ():
        key = (one.participant_id, one.statistic)
        figures[one.result_id][key] = Figure(one.value, one.took_part)
    for version in versions:
        pk = version.row.pk
        if pk in runners or pk in figures:
            version.telling = tellings.with_details(
                version.telling, runners=runners.get(pk, {}), statistics=figures.get(pk, {})
            )


def make(
    *,
    event_id: int,
    telling: Telling,
    before: Result | None,
    source_id: int,
    known_at: datetime,
    recorded_at: datetime,
    only_adds: bool = False,
) -> Version:
    """Return the next version, not stored yet; it is known no earlier than the one before.

    ``only_adds``: it says what the one before left open, and nothing otherwise.
    """
    row = Result(
        event_id=event_id,
        version=before.version + 1 if before else 1,
        status=telling.status,
        home_score=telling.score[0],
        away_score=telling.score[1],
        home_score_half=telling.half[0],
        away_score_half=telling.half[1],
        winner=telling.winner,
        periods={name: list(score) for name, score in telling.periods.items()},
        had_overtime=telling.had_overtime,
        has_runners=bool(telling.runners),
        has_statistics=bool(telling.statistics),
        digest=telling.digest(),
        only_adds=only_adds,
        source_id=source_id,
        known_at=max(known_at, before.known_at) if before else known_at,
        recorded_at=recorded_at,
    )
    return Version(row, telling)


_ADD_RUNNERS = """
insert into markets_runnerresult
    (result_id, participant_id, number, position, is_winner, is_placed, is_removed, reduction)
select * from unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::bool[], %s::bool[],
                     %s::bool[], %s::numeric[])
"""
_ADD_STATISTICS = """
insert into markets_statisticresult (result_id, participant_id, statistic, value, took_part)
select * from unnest(%s::bigint[], %s::bigint[], %s::text[], %s::numeric[], %s::bool[])
"""


def store(*, versions: Sequence[Version]) -> None:
    """Append the versions, with their runners and statistics: one statement for each table."""
    copying.add_rows([version.row for version in versions])
    runners = [
        (
            version.row.pk,
            participant,
            runner.number,
            runner.position,
            runner.is_winner,
            runner.is_placed,
            runner.is_removed,
            runner.reduction,
        )
        for version in versions
        for participant, runner in version.telling.runners.items()
    ]
    statistics = [
        (version.row.pk, participant, statistic, figure.value, figure.took_part)
        for version in versions
        for (participant, statistic), figure in version.telling.statistics.items()
    ]
    with connection.cursor() as cursor:
        for statement, rows in ((_ADD_RUNNERS, runners), (_ADD_STATISTICS, statistics)):
            if rows:
                cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
