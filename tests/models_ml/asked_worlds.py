"""Questions of every kind in the database: what was said of them live, and what then came."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max

from markets.models import (
    Book,
    ClosingPrice,
    Competition,
    Event,
    Market,
    Participant,
    PriceSnapshot,
    Result,
    RunnerResult,
    Season,
    Selection,
    StatisticResult,
)
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction
from models_ml.services import pipelines
from tests.models_ml import builders

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = datetime(2022, 1, 1, tzinfo=UTC)
STEPS = {"T-24h": 24 * HOUR, "T-60m": HOUR, "T-30m": HOUR / 2, "T-2m": HOUR / 30}


def a_version(pipeline: Pipeline, *, number: int = 1) -> ModelVersion:
    """Return the row of a version whose file nobody looks at."""
    return ModelVersion.objects.create(
        pipeline=pipeline, number=number, artefact=f"{pipeline.code}-{number}",
        artefact_sha256="0" * 64, features=[], features_sha256="0" * 64, n_rows=300,
        trained_from=LONG_AGO, trained_until=LONG_AGO + 100 * DAY, trained_at=LONG_AGO + 101 * DAY,
        code_version="c" * 64,
    )  # fmt: skip


class Asked:
    """A pipeline whose versions have spoken live; every event has been played by ``now``."""

    def __init__(self, code: str, *, now: datetime) -> None:
        found = {p.code: p for p in pipelines.ensure_default_pipelines(now=now)}
        self.pipeline: Pipeline = found[code]
        self.now = now
        sport = self.pipeline.sport
        self.competition = Competition.objects.create(
            sport=sport, code=f"c-{code}", name="A league", time_zone="UTC"
        )
        self.season = Season.objects.create(competition=self.competition, label="2023-24")
        self.sides = [
            Participant.objects.create(sport=sport, name=f"{name} of {code}")
            for name in ("Ayr", "Bury", "Clyde", "Derby", "Elgin")
        ]

    def version(self, number: int = 1) -> ModelVersion:
        found = ModelVersion.objects.filter(pipeline=self.pipeline, number=number).first()
        return found or a_version(self.pipeline, number=number)

    def event(self, *, days_ago: float = 2.0, **fields: Any) -> Event:
        sides = {"home": self.sides[0], "away": self.sides[1]}
        count = Event.objects.aggregate(last=Max("pk"))["last"] or 0
        starts_at = self.now - timedelta(days=days_ago)
        return Event.objects.create(
            competition=self.competition, season=self.season, name="Ayr v Bury", leg=1 + count,
            status="FINISHED", **{"starts_at": starts_at, **sides, **fields},
        )  # fmt: skip

    def race(self, *, days_ago: float = 2.0) -> Event:
        number = Event.objects.count() + 1
        return self.event(
            days_ago=days_ago, home=None, away=None, race_number=number, round=f"R{number}",
            meeting_date=(self.now - timedelta(days=days_ago)).date(),
        )  # fmt: skip

    def market(
        self, event: Event, kind: str, *answers: Any, line: float | None = None, **fields: Any
    ) -> dict[Any, Selection]:
        """Ask a question; answers are roles, or participants where those run."""
        market = Market.objects.create(
            event=event, kind=kind, line=None if line is None else Decimal(str(line)), **fields
        )
        return {
            answer: Selection.objects.create(
                market=market,
                role=answer if isinstance(answer, str) else "RUNNER",
                participant=None if isinstance(answer, str) else answer,
                name=str(answer),
            )
            for answer in answers
        }

    def say(
        self,
        selections: Mapping[Any, Selection],
        said: Mapping[Any, float],
        *,
        market: Mapping[Any, float] | None = None,
        stage: str = "T-60m",
        number: int = 1,
        **fields: Any,
    ) -> None:
        """Let a version foretell each answer before the start."""
        event = next(iter(selections.values())).market.event
        as_of = event.starts_at - STEPS[stage]
        version = self.version(number)
        for answer, probability in said.items():
            who = None if isinstance(answer, str) else answer
            row = FeatureRow.objects.get_or_create(
                event=event, participant=who, stage=stage, as_of=as_of, **fields,
                feature_set=self.pipeline.feature_set, statistic=self.pipeline.statistic,
                defaults={"values": [None], "checksum": "0" * 64, "made_at": as_of},
            )[0]  # fmt: skip
            Prediction.objects.create(
                feature_row=row, version=version, event=event, selection=selections[answer],
                probability=probability, as_of=as_of, made_at=as_of,
                market_probability=(market or {}).get(answer),
            )  # fmt: skip

    def ends(
        self,
        event: Event,
        home: int | None = None,
        away: int | None = None,
        *,
        runners: Mapping[Participant, str] | None = None,
        figures: Mapping[Participant, float] | None = None,
    ) -> Result:
        """Tell the result; a runner WON, was PLACED, LOST, or was REMOVED."""
        known_at = event.starts_at + 3 * HOUR
        result = Result.objects.create(
            event=event, version=1, status="FINAL", home_score=home, away_score=away,
            known_at=known_at, recorded_at=known_at, source=builders.a_source(),
            has_runners=bool(runners),
        )  # fmt: skip
        RunnerResult.objects.bulk_create(
            RunnerResult(
                result=result,
                participant=who,
                is_winner=None if how == "REMOVED" else how == "WON",
                is_placed=None if how == "REMOVED" else how in ("WON", "PLACED"),
                is_removed=how == "REMOVED",
            )
            for who, how in (runners or {}).items()
        )
        StatisticResult.objects.bulk_create(
            StatisticResult(
                result=result, participant=who, statistic=self.pipeline.statistic, value=value
            )
            for who, value in (figures or {}).items()
        )
        return result

    def quote(
        self, selections: Mapping[Any, Selection], fair: Mapping[Any, float], code: str
    ) -> None:
        """Let a book quote each answer a day before the start, without a margin."""
        book = Book.objects.get_or_create(code=code, defaults={"name": code})[0]
        seen_at = next(iter(selections.values())).market.event.starts_at - DAY
        PriceSnapshot.objects.bulk_create(
            PriceSnapshot(
                selection=selections[answer], book=book, price=Decimal(str(round(1 / p, 3))),
                seen_at=seen_at, fetched_at=seen_at,
            )
            for answer, p in fair.items()
        )  # fmt: skip

    def close(
        self, selections: Mapping[Any, Selection], fair: Mapping[Any, float], code: str
    ) -> None:
        """Record what a book closed at, its margin off."""
        book = Book.objects.get_or_create(code=code, defaults={"name": code})[0]
        event = next(iter(selections.values())).market.event
        seen_at = event.starts_at - timedelta(minutes=1)
        ClosingPrice.objects.bulk_create(
            ClosingPrice(
                selection=selections[answer], book=book, price=Decimal(str(round(1 / p, 3))),
                opening_price=Decimal("2"), opened_at=seen_at, seen_at=seen_at,
                confirmed_at=seen_at, starts_at=event.starts_at, fair_probability=p,
                method="power", exactness="EXACT", overround=0.0, recorded_at=self.now,
            )
            for answer, p in fair.items()
        )  # fmt: skip
