"""Rows that betting's tests start from: fixed values, written straight by the ORM."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread

from django.db import connection

from betting.models import Bankroll, Bet, Decision, Strategy
from markets.models import (
    Book,
    Competition,
    Event,
    LatestPrice,
    Market,
    Participant,
    PriceSnapshot,
    Season,
    Selection,
    Sport,
)
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction, Replay

NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)
STAGE = "T-60m"
HOME, DRAW, AWAY = "HOME", "DRAW", "AWAY"
ROLES = (HOME, DRAW, AWAY)
PRICES = {"alpha": ("2.10", "3.40", "3.60"), "beta": ("2.20", "3.30", "3.50")}
_counter = itertools.count(1)


def a_competition(*, is_simulated: bool = False, sport: str = "soccer") -> Competition:
    code = f"{sport}-{'sim' if is_simulated else 'real'}"
    found, _ = Competition.objects.get_or_create(
        code=code, defaults={"name": code, "sport": a_sport(sport), "is_simulated": is_simulated}
    )
    return found


def a_sport(code: str = "soccer") -> Sport:
    return Sport.objects.get_or_create(code=code, defaults={"name": code})[0]


def a_book(code: str = "alpha", **fields: object) -> Book:
    return Book.objects.get_or_create(code=code, defaults={"name": code.title(), **fields})[0]


def an_event(
    *,
    starts_at: datetime = NOON + timedelta(hours=1),
    is_simulated: bool = False,
    sport: str = "soccer",
) -> Event:
    """Home against Away, scheduled in one hour, with a 1X2 market and its three selections."""
    competition, n = a_competition(is_simulated=is_simulated, sport=sport), next(_counter)
    season, _ = Season.objects.get_or_create(competition=competition, label="2030-31")
    home, away = Participant.objects.bulk_create(
        Participant(sport=competition.sport, name=f"{side} {n}") for side in ("Home", "Away")
    )
    event = Event.objects.create(
        competition=competition,
        season=season,
        home=home,
        away=away,
        name=f"{home.name} – {away.name}",
        starts_at=starts_at,
    )
    market = Market.objects.create(event=event, kind=Market.Kind.MATCH_ODDS)
    Selection.objects.bulk_create(
        Selection(market=market, role=role, name=role.title()) for role in ROLES
    )
    return event


def a_selection(event: Event, role: str = HOME) -> Selection:
    return Selection.objects.get(market__event=event, role=role)


def an_event_with_prices(
    *,
    prices: Mapping[str, Sequence[str]] = PRICES,
    seen_at: datetime = NOON - timedelta(minutes=1),
    **fields: object,
) -> Event:
    """An event whose books show (home, draw, away) since a minute before noon."""
    event = an_event(**fields)
    for code, shown in prices.items():
        quote(event, code, shown, seen_at=seen_at)
    return event


def quote(
    event: Event,
    book: str,
    prices: Sequence[str],
    *,
    seen_at: datetime = NOON - timedelta(minutes=1),
    confirmed_at: datetime | None = None,
) -> None:
    """Let a book show (home, draw, away) from a moment on."""
    _partition(seen_at)
    shown, at = a_book(book), {"seen_at": seen_at}
    told = [
        {"selection": selection, "book": shown, "price": Decimal(price), **at}
        for selection, price in zip(_selections(event), prices, strict=False)
    ]
    PriceSnapshot.objects.bulk_create(PriceSnapshot(fetched_at=seen_at, **one) for one in told)
    LatestPrice.objects.bulk_create(
        (LatestPrice(confirmed_at=confirmed_at or seen_at, **one) for one in told),
        update_conflicts=True,
        unique_fields=["selection", "book"],
        update_fields=["price", "seen_at", "confirmed_at"],
    )


def _selections(event: Event) -> list[Selection]:
    """Return the selections of a 1X2 market: home, draw, away."""
    found = Selection.objects.filter(market__event=event, market__kind=Market.Kind.MATCH_ODDS)
    return sorted(found, key=lambda selection: ROLES.index(selection.role))


def _partition(at: datetime) -> None:
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"create table if not exists markets_pricesnapshot_{first:%Y_%m}"
            " partition of markets_pricesnapshot"
            f" for values from ('{first.isoformat()}') to ('{following.isoformat()}')"
        )


def a_pipeline(*, is_simulated: bool = False, sport: str = "soccer") -> Pipeline:
    code = f"{sport}-1x2{'-simulated' if is_simulated else ''}"
    found, _ = Pipeline.objects.get_or_create(
        code=code,
        defaults={
            "sport": a_sport(sport),
            "market_kind": Market.Kind.MATCH_ODDS,
            "feature_set": "soccer_v1",
            "is_simulated": is_simulated,
        },
    )
    return found


def a_version(
    *,
    pipeline: Pipeline | None = None,
    stage: str = "PRODUCTION",
    replay: Replay | None = None,
) -> ModelVersion:
    pipeline = pipeline or a_pipeline()
    if stage == "PRODUCTION" and (
        found := ModelVersion.objects.filter(pipeline=pipeline, stage=stage).first()
    ):
        return found
    return ModelVersion.objects.create(
        pipeline=pipeline,
        number=next(_counter),
        stage=stage,
        replay=replay,
        artefact="none.ubj",
        artefact_sha256="0" * 64,
        features=[],
        features_sha256="0" * 64,
        trained_from=NOON - timedelta(days=900),
        trained_until=NOON - timedelta(days=1),
        n_rows=1,
        code_version="test",
        trained_at=NOON,
    )


def predictions_of(
    event: Event,
    *,
    probabilities: Sequence[float] = (0.50, 0.26, 0.24),
    version: ModelVersion | None = None,
    stage: str = STAGE,
    replay: Replay | None = None,
    as_of: datetime = NOON,
) -> list[Prediction]:
    """Home, draw, away by the serving version, as of noon; home is worth a bet at 2.20."""
    pipeline = a_pipeline(
        is_simulated=event.competition.is_simulated, sport=event.competition.sport.code
    )
    row, _ = FeatureRow.objects.get_or_create(
        event=event,
        feature_set="soccer_v1",
        stage=stage,
        replay=replay,
        defaults={"as_of": as_of, "values": [], "checksum": "0", "made_at": as_of},
    )
    version = version or a_version(pipeline=pipeline)
    return Prediction.objects.bulk_create(
        Prediction(
            feature_row=row,
            version=version,
            event=event,
            selection=selection,
            probability=probability,
            as_of=as_of,
            made_at=as_of,
        )
        for selection, probability in zip(_selections(event), probabilities, strict=True)
    )


def a_replay() -> Replay:
    season, _ = Season.objects.get_or_create(competition=a_competition(), label="2030-31")
    return Replay.objects.create(
        competition=season.competition, season=season, actor="cli:test", started_at=NOON
    )


def a_bankroll(balance: str = "1000.00", **fields: object) -> Bankroll:
    defaults = {"name": f"Bankroll {next(_counter)}", "kind": "PAPER", "created_at": NOON}
    return Bankroll.objects.create(balance=Decimal(balance), **{**defaults, **fields})


def a_strategy(
    *, bankroll: Bankroll | None = None, pipeline: Pipeline | None = None, **limits: object
) -> Strategy:
    return Strategy.objects.create(
        name=f"Strategy {next(_counter)}",
        code="value",
        bankroll=bankroll or a_bankroll(),
        pipeline=pipeline or a_pipeline(),
        **{"min_price": Decimal("1.10"), "max_price": Decimal("20"), **limits},
    )


def a_decision(
    *,
    strategy: Strategy | None = None,
    event: Event | None = None,
    stake: str = "10.00",
    price: str = "2.20",
    book: str = "beta",
    role: str = HOME,
    prediction: Prediction | None = None,
) -> Decision:
    """Ten on the home side at 2.20 with Beta, decided at noon."""
    if prediction is None:
        event = event or an_event_with_prices()
        prediction = predictions_of(event)[ROLES.index(role)]
    return Decision.objects.create(
        strategy=strategy or a_strategy(),
        prediction=prediction,
        selection=prediction.selection,
        book=a_book(book),
        verdict=Decision.Verdict.BET,
        reason="VALUE",
        probability=prediction.probability,
        price=Decimal(price),
        edge=0.1,
        stake=Decimal(stake),
        decided_at=NOON,
    )


def a_bet(
    *,
    bankroll: Bankroll | None = None,
    event: Event | None = None,
    stake: str = "10.00",
    status: str = "ACCEPTED",
    placed_at: datetime = NOON,
    **fields: object,
) -> Bet:
    """Ten on the home side at 2.00 with Alpha, accepted at noon."""
    return Bet.objects.create(
        **{
            "bankroll": bankroll or a_bankroll(),
            "selection": a_selection(event or an_event()),
            "book": a_book(),
            "client_ref": f"t{next(_counter)}",
            "price": Decimal("2.00"),
            "stake": Decimal(stake),
            "status": status,
            "placed_at": placed_at,
            "reserved_at": placed_at,
            **fields,
        }
    )


def a_part(*, matched: str = "4.00", **fields: object) -> Bet:
    """Ten at 2.00 or better that wait at a venue, which has matched four of them at 2.02."""
    return a_bet(
        **{
            "order_state": "PARTIAL",
            "matched_stake": Decimal(matched),
            "matched_price": Decimal("2.02"),
            **fields,
        }
    )


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Run callables in threads with connections of their own; return what they raised."""
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
