"""A whole house in a few statements: every table of the product with rows, for page tests."""

from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

from django.db import connection
from django.test import Client
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from betting.models import Bankroll, Bet, Decision, PaperOrder, Strategy, TradingHalt
from markets.models import (
    Book,
    ClosingPrice,
    Competition,
    Event,
    Fetch,
    FetchProblem,
    LatestPrice,
    Market,
    Participant,
    ParticipantAlias,
    PriceSnapshot,
    RawPayload,
    Result,
    Season,
    Selection,
    Source,
    Sport,
)
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction, Replay
from monitoring.models import (
    AuditEntry,
    BeatLease,
    CheckState,
    Heartbeat,
    Incident,
    IncidentEntry,
    ScheduledJob,
    TaskRun,
    User,
)
from monitoring.services import roles, thresholding
from settlements.models import BetValue, LedgerAccount, LedgerTransfer, Settlement
from settlements.services import daily

ROLES = ("HOME", "DRAW", "AWAY")


def a_house(*, now: datetime, n: int = 60, simulated: bool = True) -> SimpleNamespace:
    """Fill every table: ``n`` events, half of them over, with ``n`` bets, runs and the rest."""
    house = _catalogue(now=now, simulated=simulated, n=n)
    _events(house, now=now, n=n)
    _prices(house, now=now)
    _models(house, now=now)
    _bets(house, now=now)
    _money(house, now=now)
    _system(house, now=now, n=n)
    daily.rebuild(actor="test", now=now)
    _tell_the_planner()
    return house


def _tell_the_planner() -> None:
    """Count the rows again: a planner that believes the tables empty, because what earlier tests
    wrote was rolled back, scans all that they left behind for each row of a join.
    """
    models = (
        Bet, ClosingPrice, Competition, Decision, Event, FeatureRow, LatestPrice, Market,
        Participant, Prediction, Result, Selection, Settlement, TaskRun,
    )  # fmt: skip
    tables = ", ".join(f'"{model._meta.db_table}"' for model in models)
    with connection.cursor() as cursor:
        cursor.execute(f"analyze {tables}")


def _catalogue(*, now: datetime, simulated: bool, n: int) -> SimpleNamespace:
    mark = "sim" if simulated else "real"
    sport, _ = Sport.objects.get_or_create(code="soccer", defaults={"name": "Soccer"})
    competition = Competition.objects.create(
        sport=sport, code=f"{mark}1", name=f"League of {mark}", country="Nowhere",
        is_simulated=simulated, time_scale=360.0 if simulated else 1.0,
    )  # fmt: skip
    season = Season.objects.create(competition=competition, label="2026-27")
    source = Source.objects.create(
        code=f"{mark}-feed", name=f"Feed of {mark}", is_simulated=simulated, creates_names=True,
        location="https://feed.example/odds.csv", last_success_at=now, last_attempt_at=now,
    )  # fmt: skip
    teams = Participant.objects.bulk_create(
        Participant(sport=sport, name=f"{mark.title()} Town {i:02d}") for i in range(n + 1)
    )
    ParticipantAlias.objects.bulk_create(
        ParticipantAlias(source=source, sport=sport, alias=f"{t.name} FC", participant=t)
        for t in teams
    )
    books = [
        Book.objects.create(code=f"{mark}-{i}", name=f"{mark.title()} book {i}",
                            is_simulated=simulated, reference_rank=1 if i == 0 else None)
        for i in range(4)
    ]  # fmt: skip
    return SimpleNamespace(
        sport=sport, competition=competition, season=season, source=source, teams=teams,
        books=books, simulated=simulated, mark=mark,
    )  # fmt: skip


def _events(house: SimpleNamespace, *, now: datetime, n: int) -> None:
    house.events = Event.objects.bulk_create(
        Event(
            competition=house.competition, season=house.season, home=house.teams[i],
            away=house.teams[i + 1], name=f"{house.teams[i]} v {house.teams[i + 1]}",
            starts_at=now + timedelta(hours=i - n // 2, minutes=5),
            status="FINISHED" if i < n // 2 else "SCHEDULED",
        )
        for i in range(n)
    )  # fmt: skip
    house.markets = Market.objects.bulk_create(
        Market(event=event, kind="MATCH_ODDS") for event in house.events
    )
    house.selections = Selection.objects.bulk_create(
        Selection(market=market, role=role, name=name)
        for market in house.markets
        for role, name in zip(
            ROLES, (market.event.home.name, "Draw", market.event.away.name), strict=True
        )
    )
    house.over = house.events[: n // 2]
    house.results = Result.objects.bulk_create(
        Result(
            event=event, version=1, status="FINAL", home_score=i % 4, away_score=i % 3,
            source=house.source, known_at=event.starts_at + timedelta(hours=2), recorded_at=now,
        )
        for i, event in enumerate(house.over)
    )  # fmt: skip


def _prices(house: SimpleNamespace, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "create table if not exists markets_pricesnapshot_all"
            " partition of markets_pricesnapshot default"
        )
    snapshots, latest, closing = [], [], []
    for i, selection in enumerate(house.selections):
        base = (Decimal("2.10"), Decimal("3.40"), Decimal("3.60"))[i % 3]
        for j, book in enumerate(house.books):
            price = base + Decimal(j) / 20
            seen_at = now - timedelta(minutes=10 + j)
            for k in range(3):
                moved = price + Decimal(k - 2) / 10
                at = seen_at - timedelta(hours=2 - k)
                snapshots.append(
                    PriceSnapshot(
                        selection=selection, book=book, seen_at=at, price=moved, fetched_at=at
                    )
                )
            latest.append(
                LatestPrice(
                    selection=selection,
                    book=book,
                    price=price,
                    previous_price=price - Decimal("0.1"),
                    seen_at=seen_at,
                    confirmed_at=now - timedelta(seconds=20),
                )
            )
            if selection.market.event in house.over:
                starts_at = selection.market.event.starts_at
                closing.append(ClosingPrice(
                    selection=selection, book=book, opening_price=price - Decimal("0.2"),
                    opened_at=starts_at - timedelta(days=1), price=price,
                    seen_at=starts_at - timedelta(minutes=2),
                    confirmed_at=starts_at - timedelta(minutes=1), starts_at=starts_at,
                    overround=0.04, fair_probability=float(1 / price) / 1.04,
                    method="shin"))  # fmt: skip
    PriceSnapshot.objects.bulk_create(snapshots)
    LatestPrice.objects.bulk_create(latest)
    ClosingPrice.objects.bulk_create(closing)


def _models(house: SimpleNamespace, *, now: datetime) -> None:
    house.pipeline = Pipeline.objects.create(
        code=f"soccer-1x2-{house.mark}", sport=house.sport, market_kind="MATCH_ODDS",
        feature_set="soccer_v1", is_simulated=house.simulated,
    )  # fmt: skip
    stages = ["PRODUCTION", "PREVIOUS", "CANDIDATE", "ARCHIVED"]
    house.versions = ModelVersion.objects.bulk_create(
        ModelVersion(
            pipeline=house.pipeline, number=i + 1, stage=stages[i], artefact=f"v{i}.ubj",
            artefact_sha256="a" * 64, features=["elo_difference", "form_home"],
            features_sha256="b" * 64, parameters={"max_depth": 4},
            calibration={"method": "temperature", "temperature": 1.03},
            metrics={"n": 380, "model": {"log_loss": 0.981 + i / 100, "brier_sum": 0.585},
                     "market": {"log_loss": 0.965, "brier_sum": 0.571}},
            trained_from=now - timedelta(days=900), trained_until=now - timedelta(days=i),
            n_rows=3420, code_version="1", trained_at=now - timedelta(days=i),
        )
        for i in range(4)
    )  # fmt: skip
    house.rows = FeatureRow.objects.bulk_create(
        FeatureRow(event=event, feature_set="soccer_v1", stage="T-60m", as_of=event.starts_at,
                   values=[0.2, None], checksum="c" * 64, made_at=now)
        for event in house.events
    )  # fmt: skip
    house.predictions = Prediction.objects.bulk_create(
        Prediction(
            feature_row=house.rows[i // 3], version=house.versions[0], event=house.events[i // 3],
            selection=selection, probability=(0.49, 0.27, 0.24)[i % 3],
            market_probability=(0.46, 0.28, 0.26)[i % 3], as_of=now, made_at=now,
        )
        for i, selection in enumerate(house.selections)
    )  # fmt: skip
    house.replay = Replay.objects.create(
        competition=house.competition, season=house.season, actor="cli:root", started_at=now,
        finished_at=now, figures={"bets": 12, "profit": "10.00", "yield": 0.02, "clv": 0.01},
    )  # fmt: skip


def _bets(house: SimpleNamespace, *, now: datetime) -> None:
    house.bankroll = Bankroll.objects.create(
        name=f"Paper {house.mark}", is_simulated=house.simulated, balance=Decimal("10240.50"),
        created_at=now - timedelta(days=9),
    )  # fmt: skip
    house.strategy = Strategy.objects.create(
        name=f"Value {house.mark}", code="value", bankroll=house.bankroll, pipeline=house.pipeline
    )
    decisions = Decision.objects.bulk_create(
        Decision(
            strategy=house.strategy, prediction=p, selection=p.selection,
            book=house.books[0] if i % 3 == 0 else None, verdict="BET" if i % 3 == 0 else "PASS",
            reason="VALUE" if i % 3 == 0 else "EDGE_TOO_SMALL", probability=p.probability,
            price=Decimal("2.10"), edge=0.029, stake=Decimal("25.00") if i % 3 == 0 else 0,
            chain={"kelly": 0.026, "cut": "max_stake_share"}, decided_at=now,
        )
        for i, p in enumerate(house.predictions)
    )  # fmt: skip
    house.decisions = [d for d in decisions if d.verdict == "BET"]
    outcomes = ("WON", "LOST", "PUSH")
    profits = (Decimal("27.50"), Decimal("-25.00"), Decimal("0.00"))
    house.bets = Bet.objects.bulk_create(
        Bet(
            bankroll=house.bankroll, strategy=house.strategy, decision=d, selection=d.selection,
            book=d.book, client_ref=f"{house.mark}{i:06d}", price=Decimal("2.10"),
            stake=Decimal("25.00"), probability=d.probability,
            placed_at=house.events[i].starts_at - timedelta(hours=1),
            **(
                {"status": "SETTLED", "outcome": outcomes[i % 3], "profit": profits[i % 3],
                 "settled_at": house.events[i].starts_at + timedelta(hours=2)}
                if i < len(house.over)
                else {"status": ("ACCEPTED", "RESERVED", "UNKNOWN", "ACCEPTED")[i % 4]}
            ),
        )
        for i, d in enumerate(house.decisions)
    )  # fmt: skip
    PaperOrder.objects.bulk_create(
        PaperOrder(client_ref=b.client_ref, state="ACCEPTED", price=b.price, stake=b.stake,
                   received_at=now)
        for b in house.bets
    )  # fmt: skip


def _money(house: SimpleNamespace, *, now: datetime) -> None:
    cash, pnl, capital, _ = (
        LedgerAccount.objects.create(bankroll=house.bankroll, kind=kind, currency="EUR")
        for kind in LedgerAccount.OF_EVERY_BANKROLL
    )
    LedgerTransfer.objects.create(
        kind="DEPOSIT", debit=capital, credit=cash, amount=10_000, at=now - timedelta(days=8),
        reference=f"deposit:{house.mark}",
    )  # fmt: skip
    settled = [bet for bet in house.bets if bet.status == "SETTLED"]
    house.settlements = Settlement.objects.bulk_create(
        Settlement(bet=bet, revision=1, result=house.results[i], outcome=bet.outcome,
                   profit=bet.profit, settled_at=bet.settled_at)
        for i, bet in enumerate(settled)
    )  # fmt: skip
    LedgerTransfer.objects.bulk_create(
        LedgerTransfer(
            kind="SETTLEMENT", debit=pnl if s.profit > 0 else cash,
            credit=cash if s.profit > 0 else pnl, amount=abs(s.profit), settlement=s,
            reference=f"settle:{s.bet_id}:1", at=s.settled_at,
        )
        for s in house.settlements
        if s.profit
    )  # fmt: skip
    BetValue.objects.bulk_create(
        BetValue(bet=bet, reference="consensus", method="shin", closing_price=Decimal("2.05"),
                 closing_probability=0.47, close_age_seconds=60, clv_raw=0.024, clv=0.011,
                 valued_at=now)
        for bet in settled
    )  # fmt: skip


def _system(house: SimpleNamespace, *, now: datetime, n: int) -> None:
    live = ("QUEUED", "RUNNING")
    states = ("SUCCEEDED", "RUNNING", "FAILED", "ERRORED", "LOST", "QUEUED", "CANCELLED")
    house.runs = TaskRun.objects.bulk_create(
        TaskRun(
            task="settlements.tasks.settle_due", queue="settle", trigger="BEAT", actor="beat",
            state=state, attempt=1, created_at=now - timedelta(minutes=i), started_at=now,
            finished_at=None if state in live else now, progress_done=i, progress_total=n,
            progress_message="settling", error="no" if state == "FAILED" else "",
            result={"settled": 12} if state == "SUCCEEDED" else None, worker="worker@host",
        )
        for i in range(n)
        for state in (states[i % len(states)],)
    )  # fmt: skip
    house.incidents = [
        Incident.objects.create(
            kind="markets.stale-source", subject=f"markets.Source:{house.source.pk * 1000 + i}",
            severity=("P0", "P1", "P2", "P3")[i % 4], opened_at=now, latest_at=now,
            summary=f"Feed {i} has brought nothing for 3 hours", run=house.runs[0],
        )
        for i in range(min(n, 55))
    ]  # fmt: skip
    IncidentEntry.objects.bulk_create(
        IncidentEntry(incident=i, at=now, actor="system", what="OPENED", text=i.summary)
        for i in house.incidents
    )
    house.halt = TradingHalt.objects.create(
        scope="STRATEGY", scope_id=house.strategy.pk, reason="Prices look wrong", set_at=now,
        set_by="user:alice",
    )  # fmt: skip
    AuditEntry.objects.bulk_create(
        AuditEntry(at=now, actor="user:alice", action="betting.halt",
                   subject=f"betting.Bet:{bet.pk}", detail={"reason": "look"})
        for bet in house.bets
    )  # fmt: skip
    CheckState.objects.get_or_create(
        kind="markets.stale-source", defaults={"ran_at": now, "seconds": 0.02, "findings": 1}
    )
    Heartbeat.objects.get_or_create(name="beat", defaults={"at": now})
    Heartbeat.objects.get_or_create(name="worker:main@host", defaults={"at": now})
    thresholding.sync()
    BeatLease.objects.get_or_create(
        name="beat", defaults={"holder": "host", "token": 1, "expires_at": now}
    )
    fetches = Fetch.objects.bulk_create(
        Fetch(source=house.source, origin="https://feed.example/odds.csv", state="NEW_DATA",
              started_at=now, finished_at=now, counts={"prices": {"new": 12, "unchanged": 3}})
        for _ in range(n)
    )  # fmt: skip
    FetchProblem.objects.bulk_create(
        FetchProblem(fetch=f, file="odds.csv", row=3, field="B365H", message="a price is above 1")
        for f in fetches
    )
    RawPayload.objects.bulk_create(
        RawPayload(sha256=f"{house.mark}{i:060d}", source=house.source, origin="odds.csv",
                   size=1234, fetched_at=now)
        for i in range(n)
    )  # fmt: skip
    _schedule(now)


def _schedule(now: datetime) -> None:
    every, _ = IntervalSchedule.objects.get_or_create(every=10, period="seconds")
    daily, _ = CrontabSchedule.objects.get_or_create(hour="6", minute="15")
    PeriodicTask.objects.get_or_create(
        name="settle due", defaults={"task": "settlements.tasks.settle_due", "interval": every}
    )
    ScheduledJob.objects.get_or_create(
        name="settle due", defaults={"default": "every 10s", "grace_seconds": 60, "added_at": now}
    )
    PeriodicTask.objects.get_or_create(
        name="daily value", defaults={"task": "settlements.tasks.value_due", "crontab": daily}
    )


def a_person(name: str, *groups: str, password: str = "") -> User:
    """Return a member of staff with these roles."""
    from django.contrib.auth.models import Group

    person = User(username=name, is_staff=True)
    person.set_password(password) if password else person.set_unusable_password()
    person.save()
    person.groups.set(Group.objects.filter(name__in=groups))
    return person


def client_of(name: str, role: str) -> Client:
    """Return a browser in which a new member of staff with this role is signed in."""
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person(name, role))
    return client
