"""Betting days summed as bets settle, held against pandas and against summing all anew."""

from datetime import date, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pandas as pd
import pytest
from django.db import ProgrammingError, connection, transaction
from django.forms.models import model_to_dict

from betting.models import Bet
from models_ml.models import Replay
from settlements.models import PerformanceDay, PerformanceDue
from settlements.services import daily, settling, valuing
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_close,
    a_competition,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CUTS = set(PerformanceDay.Cut.values)


def settle(as_of: datetime) -> None:
    settling.settle_due(as_of=as_of, now=as_of, actor="test", with_imbalance=False)


def rows() -> list[dict]:
    kept = PerformanceDay.objects.order_by("bankroll_id", "day", "strategy_id", "cut", "key")
    return [{k: v for k, v in model_to_dict(row).items() if k != "id"} for row in kept]


def all_anew() -> list[dict]:
    PerformanceDay.objects.all().delete()
    daily.rebuild(actor="test", now=NOON)
    return rows()


def a_crowded_week(seed: int) -> list:
    """Bet on twelve matches over two bankrolls of different zones; settle and value by the day."""
    random = np.random.default_rng(seed)
    owners = [a_bankroll("9000.00"), a_bankroll("9000.00", time_zone="America/New_York")]
    matches = [an_event(starts_at=NOON + DAY * int(random.integers(0, 4))) for _ in range(12)]
    pinnacle = a_book("pinnacle", reference_rank=1)
    for match in matches:
        for role in ("HOME", "DRAW", "AWAY"):
            selection = a_selection(match, role=role)
            if random.random() < 0.7:
                a_close(
                    selection, book=pinnacle, price="2.800", fair=float(random.uniform(0.2, 0.5))
                )
            an_accepted_bet(
                selection,
                bankroll=owners[int(random.integers(2))],
                stake=f"{random.integers(200, 5000) / 100:.2f}",
                price=f"{random.uniform(1.4, 4.5):.3f}",
                side="LAY" if random.random() < 0.3 else "BACK",
                placed_at=match.starts_at - timedelta(hours=float(random.uniform(0.5, 90))),
                probability=float(random.uniform(0.2, 0.6)) if random.random() < 0.8 else None,
            )
    return matches


def frame() -> pd.DataFrame:
    """Return the settled bets, one a row, as floats."""
    asked = {
        "bankroll": "bankroll_id", "event": "selection__market__event_id",
        "role": "selection__role", "turnover": "liability", "stake": "stake", "profit": "profit",
        "outcome": "outcome", "clv": "value__clv", "probability": "probability", "price": "price",
        "side": "side", "at": "settled_at",
    }  # fmt: skip
    found = Bet.objects.filter(status="SETTLED").values_list(*asked.values())
    table = pd.DataFrame(list(found), columns=list(asked))
    money = ["turnover", "stake", "profit", "price", "clv", "probability"]
    return table.astype(dict.fromkeys(money, float))


class TestRefreshDue:
    @pytest.mark.parametrize("seed", [1, 2], ids=["one", "two"])
    def test_writes_what_summing_all_anew_writes_however_the_days_came_about(self, seed):
        random, matches = np.random.default_rng(seed), a_crowded_week(seed)
        for step in range(14):  # results come, are corrected late, some days are not yet summed
            at = NOON + timedelta(hours=15 * step + 30)
            for match in random.choice(matches, size=4, replace=False):
                if match.starts_at < at:
                    score = random.integers(0, 3, 2).tolist()
                    status = "ABANDONED" if random.random() < 0.3 else "FINAL"
                    told = score if status == "FINAL" else (None, None)
                    a_result(match, *told, status=status, known_at=at)
            settle(at)
            if random.random() < 0.5:
                valuing.value_due(as_of=at, now=at)
            if random.random() < 0.5:
                daily.refresh_due(at_once=1)
        daily.refresh_due()
        found = rows()
        assert {row["cut"] for row in found} == CUTS
        assert any(row["void"] for row in found) and any(row["valued"] for row in found)
        assert not PerformanceDue.objects.exists()
        assert found == all_anew()

    def test_sums_what_pandas_sums_of_the_same_bets(self):
        matches = a_crowded_week(5)
        for number, match in enumerate(matches):
            told = {"status": "ABANDONED"} if number == 3 else {}
            score = (None, None) if number == 3 else (number % 3, 1)
            a_result(match, *score, known_at=NOON + 5 * DAY, **told)
        settle(NOON + 5 * DAY)
        valuing.value_due(as_of=NOON + 5 * DAY, now=NOON)
        daily.refresh_due()
        every = frame()
        counted = every[every.outcome != "VOID"]
        for bankroll, own in counted.groupby("bankroll"):
            (row,) = PerformanceDay.objects.filter(bankroll_id=bankroll, cut="ALL")
            clusters = own.groupby("event")[["profit", "turnover"]].sum()
            known = own.dropna(subset=["clv"])
            sign = np.where(own.side == "LAY", -1, 1)
            edge = (sign * (own.probability * own.price - 1)).round(9)
            assert (row.bets, row.events) == (len(own), len(clusters))
            assert float(row.profit) == pytest.approx(own.profit.sum())
            assert float(row.turnover) == pytest.approx(own.turnover.sum())
            assert float(row.profit_turnover) == pytest.approx(
                (clusters.profit * clusters.turnover).sum()
            )
            assert (row.valued, float(row.clv)) == (len(known), pytest.approx(known.clv.sum()))
            assert float(row.expected) == pytest.approx((known.clv * known.stake).sum())
            assert (row.modelled, float(row.model_expected)) == (
                own.probability.notna().sum(),
                pytest.approx((edge * own.stake).sum()),
            )
            by_role = PerformanceDay.objects.filter(bankroll_id=bankroll, cut="SITUATION")
            assert {each.key: float(each.profit) for each in by_role if each.bets} == (
                own.groupby("role").profit.sum().round(2).to_dict()
            )
        assert sum(PerformanceDay.objects.filter(cut="ALL").values_list("void", flat=True)) == 3

    def test_puts_a_bet_into_the_day_of_its_bankroll(self):
        zones = {"UTC": date(2026, 3, 14), "America/New_York": date(2026, 3, 13)}
        at = NOON.replace(hour=2)
        for zone in zones:
            a_result(an_accepted_bet(bankroll=a_bankroll(time_zone=zone)), 1, 0, known_at=at)
        settle(at)
        daily.refresh_due()
        days = PerformanceDay.objects.filter(cut="ALL").values_list("bankroll__time_zone", "day")
        assert dict(days) == zones

    def test_moves_a_corrected_bet_to_the_day_of_its_correction(self):
        bet = an_accepted_bet()
        for at, score in ((NOON, (1, 0)), (NOON + 3 * DAY, (0, 1))):
            a_result(bet, *score, known_at=at)
            settle(at)
            daily.refresh_due()
        (row,) = PerformanceDay.objects.filter(cut="ALL")
        assert (row.day, row.profit, row.lost) == (date(2026, 3, 17), D("-10.00"), 1)

    def test_keeps_heights_and_falls_of_the_day(self):
        bankroll = a_bankroll()
        for hour, score in enumerate(((1, 0), (0, 1), (0, 1), (1, 0), (1, 0), (1, 0), (0, 1))):
            at = NOON + timedelta(minutes=hour)
            a_result(an_accepted_bet(bankroll=bankroll, price="2.000"), *score, known_at=at)
            settle(at)
        daily.refresh_due()
        path = PerformanceDay.objects.get(cut="ALL").path
        assert path == [D(10), D(-10), D(20), D(10)]

    def test_leaves_a_day_that_another_worker_holds_to_the_next_look(self):
        a_result(an_accepted_bet(), 1, 0)
        settle(NOON)
        note = PerformanceDue.objects.get()
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("begin")
                cursor.execute(
                    "select pg_advisory_xact_lock(hashtextextended("
                    "'settlements.performance:' || %s || ':' || %s::date, 0))",
                    [note.bankroll_id, note.day],
                )
                assert daily.refresh_due() == 0
                assert PerformanceDue.objects.get() == note
                cursor.execute("rollback")
        finally:
            other.close()
        assert daily.refresh_due() == 1

    def test_of_a_killed_worker_leaves_the_notes_and_the_rows_as_they_were(self, monkeypatch):
        a_result(an_accepted_bet(), 1, 0)
        settle(NOON)
        daily.refresh_due()
        before = rows()
        a_result(an_accepted_bet(bankroll=PerformanceDay.objects.first().bankroll), 1, 0)
        settle(NOON)
        monkeypatch.setattr(daily.statements, "SUM", "select no_such")
        with pytest.raises(ProgrammingError), transaction.atomic():
            daily.refresh_due()
        assert rows() == before
        assert PerformanceDue.objects.exists()

    def test_sums_no_replay(self):
        replay = Replay.objects.create(competition=a_competition(), seed=0, started_at=NOON,
                                       season=an_event().season)  # fmt: skip
        bankroll = a_bankroll(kind="REPLAY", replay=replay)
        a_result(an_accepted_bet(bankroll=bankroll), 1, 0)
        settling.settle_due(as_of=NOON, now=NOON, actor="test", bankroll_ids=[bankroll.pk])
        assert (daily.refresh_due(), daily.rebuild(actor="test", now=NOON)) == (0, 0)
