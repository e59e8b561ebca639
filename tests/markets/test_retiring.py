import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from markets.models import (
    Event,
    Fetch,
    FetchProblem,
    LadderSnapshot,
    LatestPrice,
    PriceSnapshot,
    RawPayload,
    RetentionPolicy,
    Selection,
)
from markets.services import archiving, closing, parquet, partitions, recording, retiring
from monitoring.models import AuditEntry
from tests.markets.builders import (
    START,
    a_batch,
    a_source,
    an_event,
    match_odds,
    without_months,
)

LATER = START + timedelta(days=800)
MONTH = "markets_pricesnapshot_2023_08"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path, settings, db):
    settings.ARCHIVE_DIR = tmp_path
    without_months()
    return tmp_path / "retired"


def record(*, status="FINISHED", fetched_at=START, **fields):
    prices = match_odds("2.1", "3.4", "3.7") + match_odds("2.0", "3.5", "3.8", hours_before=1)
    batch = a_batch(events=[an_event(status=status, **fields)], prices=prices)
    recording.record(batch=batch, source=a_source(), now=fetched_at, fetched_at=fetched_at)


@pytest.fixture
def an_old_month():
    record()
    closing.record_closes(as_of=START + timedelta(hours=1), now=START)


def retire(now=LATER, **asked):
    return retiring.retire_due(now=now, actor="test", **asked)


def prices():
    fields = ("selection_id", "book_id", "seen_at", "price", "fetched_at", "mark")
    return sorted(PriceSnapshot.objects.values_list(*fields))


class TestRetireDue:
    def test_drops_a_month_that_is_older_than_its_policy_allows(self, an_old_month):
        assert retire()[retiring.PRICES] == [MONTH]
        assert MONTH not in partitions.standing()
        assert prices() == []

    def test_writes_the_rows_to_a_file_first_and_its_digest_beside_it(self, an_old_month, folder):
        retire()
        file = folder / f"{MONTH}.parquet"
        digest, name = (folder / f"{MONTH}.sha256").read_text().split()
        assert (len(digest), name) == (64, file.name)
        assert AuditEntry.objects.get(action="markets.retire_month").detail == {
            "file": file.name,
            "rows": 6,
            "sha256": digest,
        }

    def test_writes_none_where_the_policy_says_so(self, an_old_month, folder):
        retiring.ensure_policies()
        RetentionPolicy.objects.filter(table=retiring.PRICES).update(exports_parquet=False)
        assert retire()[retiring.PRICES] == [MONTH]
        assert not folder.exists()

    def test_keeps_a_month_until_its_last_row_is_old_enough(self, an_old_month):
        end = datetime(2023, 9, 1, tzinfo=UTC)
        assert retire(now=end + timedelta(days=729))[retiring.PRICES] == []
        assert retire(now=end + timedelta(days=730))[retiring.PRICES] == [MONTH]

    def test_keeps_an_old_history_that_was_fetched_lately(self):
        record(fetched_at=LATER - timedelta(days=3))
        closing.record_closes(as_of=LATER, now=LATER)
        assert retire()[retiring.PRICES] == []
        assert len(prices()) == 6

    def test_keeps_the_prices_of_an_event_that_is_not_over(self):
        record(status="SCHEDULED", starts_at=LATER + timedelta(days=1))
        assert retire()[retiring.PRICES] == []

    def test_keeps_the_prices_of_an_event_whose_close_is_still_to_be_recorded(self):
        record()
        assert retire()[retiring.PRICES] == []

    def test_leaves_closes_and_latest_prices_alone(self, an_old_month):
        retire()
        selection = Selection.objects.get(role="HOME")
        assert selection.latest_prices.get().price == Decimal("2.0")
        assert selection.closing_prices.get().opening_price == Decimal("2.1")

    def test_touches_nothing_in_a_dry_run(self, an_old_month, folder):
        before = prices()
        assert retire(dry_run=True)[retiring.PRICES] == [MONTH]
        assert (prices(), folder.exists()) == (before, False)
        assert RetentionPolicy.objects.get(table=retiring.PRICES).last_run_at is None

    def test_does_nothing_for_a_table_that_is_kept_for_ever(self, an_old_month):
        retiring.set_policy(
            table=retiring.PRICES, keep_days=None, actor="ada", reason="research", now=LATER
        )
        assert retiring.PRICES not in retire()

    def test_twice_is_once(self, an_old_month):
        retire()
        assert retire()[retiring.PRICES] == []

    def test_keeps_the_month_where_its_file_cannot_be_written(self, an_old_month, monkeypatch):
        def full(**_):
            raise OSError("no space left on device")

        monkeypatch.setattr(parquet, "export", full)
        with pytest.raises(OSError, match="no space"):
            retire()
        assert len(prices()) == 6


class TestRetireMonth:
    def test_refuses_a_month_that_is_needed(self):
        record()
        with pytest.raises(retiring.InUse):
            retiring.retire_month(
                table=retiring.PRICES, name=MONTH, is_exported=True, before=LATER,
                actor="test", now=LATER,
            )  # fmt: skip
        assert len(prices()) == 6


class TestBringBack:
    def test_puts_back_exactly_what_was_there(self, an_old_month, folder):
        before = prices()
        retire()
        added = retiring.bring_back(path=folder / f"{MONTH}.parquet", actor="ada", now=LATER)
        assert (added, prices()) == (6, before)

    def test_adds_nothing_that_stands(self, an_old_month, folder):
        retire()
        for added in (6, 0):
            path = folder / f"{MONTH}.parquet"
            assert retiring.bring_back(path=path, actor="ada", now=LATER) == added

    def test_refuses_a_file_that_was_changed(self, an_old_month, folder):
        retire()
        path = folder / f"{MONTH}.parquet"
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(parquet.Damaged, match="SHA-256"):
            retiring.bring_back(path=path, actor="ada", now=LATER)

    def test_refuses_a_file_of_something_else(self, tmp_path):
        with pytest.raises(retiring.UnknownPolicy):
            retiring.bring_back(path=tmp_path / "bets.parquet", actor="ada", now=LATER)

    def test_takes_a_new_name_when_late_rows_are_retired_again(self, an_old_month, folder):
        retire()
        retiring.bring_back(path=folder / f"{MONTH}.parquet", actor="ada", now=LATER)
        retire()
        assert sorted(path.name for path in folder.glob("*.parquet")) == [
            f"{MONTH}-2.parquet",
            f"{MONTH}.parquet",
        ]
        assert retiring.bring_back(path=folder / f"{MONTH}-2.parquet", actor="a", now=LATER) == 6

    def test_brings_back_ladders_with_all_their_steps(self, an_old_month, folder):
        partitions.ensure(months=[(2023, 8)], table=partitions.LADDERS)
        selection = Selection.objects.get(role="HOME")
        step = [Decimal("2.020"), Decimal("2.000")], [Decimal("10.50"), Decimal("3.00")]
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into markets_laddersnapshot values (%s, 1, %s, %s, %s, %s, %s, null, null,"
                " %s)",
                [selection.pk, START, *step, [], [], START],
            )
        retired = retire()[retiring.LADDERS]
        assert retired == ["markets_laddersnapshot_2023_08"]
        path = folder / "markets_laddersnapshot_2023_08.parquet"
        assert retiring.bring_back(path=path, actor="ada", now=LATER) == 1
        row = LadderSnapshot.objects.get()
        assert (row.back_prices, row.back_sizes, row.lay_prices, row.matched) == (*step, [], None)


class TestSetPolicy:
    def test_is_audited_with_what_it_was(self):
        retiring.set_policy(
            table="archive", keep_days=30, actor="ada", reason="disk is small", now=LATER
        )
        entry = AuditEntry.objects.get(action="markets.set_retention")
        assert (entry.actor, entry.detail) == (
            "ada",
            {
                "reason": "disk is small",
                "before": {"keep_days": 730},
                "after": {"keep_days": 30},
            },
        )

    def test_refuses_a_table_without_a_policy(self):
        with pytest.raises(retiring.UnknownPolicy, match="betting_bet"):
            retiring.set_policy(table="betting_bet", keep_days=1, actor="a", reason="r", now=LATER)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({}, "r"),
            ({"keep_days": 0}, "r"),
            ({"keep_days": 36_501}, "r"),
            ({"last_retired": 1}, "r"),
            ({"is_enabled": False}, " "),
        ],
    )
    def test_refuses_what_cannot_be_kept_so(self, changes, reason):
        with pytest.raises(retiring.WrongPolicy):
            retiring.change_policy(
                table="archive", changes=changes, actor="a", reason=reason, now=LATER
            )

    def test_stands_against_the_next_run(self):
        retiring.set_policy(table="archive", keep_days=30, actor="a", reason="r", now=LATER)
        retiring.ensure_policies()
        assert RetentionPolicy.objects.get(table="archive").keep_days == 30


class TestRows:
    def test_forgets_problems_of_old_fetches(self):
        source = a_source()
        for age in (89, 91):
            at = LATER - timedelta(days=age)
            fetch = Fetch.objects.create(
                source=source, origin="x", state="FAILED", started_at=at, finished_at=at
            )
            FetchProblem.objects.create(fetch=fetch, file="x", message="a price")
        assert retire()[retiring.PROBLEMS] == 1
        assert FetchProblem.objects.count() == 1

    def test_forgets_what_old_payloads_hold_and_keeps_that_they_came(self):
        source = a_source()
        old = archiving.archive(payload=b"old", source=source, origin="x", now=START)
        new = archiving.archive(payload=b"new", source=source, origin="x", now=LATER)
        assert retire()[retiring.ARCHIVE] == 1
        assert not archiving.path_of(sha256=old.sha256).exists()
        assert gzip.decompress(archiving.path_of(sha256=new.sha256).read_bytes()) == b"new"
        assert list(RawPayload.objects.filter(retired_at=LATER)) == [old]


class TestReferences:
    def test_a_price_of_no_selection_is_refused_by_the_database(self, an_old_month):
        for table in ("latestprice", "closingprice"):
            with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
                copy_of(table, "selection_id", 10**9)

    def test_a_price_of_no_book_is_refused_by_the_database(self, an_old_month):
        for table in ("latestprice", "closingprice"):
            with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
                copy_of(table, "book_id", 10**6)

    def test_a_price_is_never_handed_to_another_selection(self, an_old_month):
        with pytest.raises(IntegrityError, match="UPDATE is refused"), transaction.atomic():
            LatestPrice.objects.filter(selection__role="HOME").update(selection_id=10**9)

    @pytest.mark.parametrize("table", ["selection", "book"])
    @pytest.mark.parametrize("change", ["delete from {}", "update {} set id = id + 1000000"])
    def test_what_prices_refer_to_is_neither_deleted_nor_renumbered(
        self, an_old_month, table, change
    ):
        with (
            pytest.raises(IntegrityError, match="prices may refer"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change.format(f"markets_{table}"))

    def test_a_selection_may_change_otherwise(self, an_old_month):
        assert Selection.objects.update(name="Somebody") == 3
        assert Event.objects.count() == 1


def copy_of(table, column, value):
    """Insert every row of a table again, with another value in one column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " and not attisdropped and attname <> 'id'",
            [f"markets_{table}"],
        )
        names = [name for (name,) in cursor.fetchall()]
        shown = [str(value) if name == column else name for name in names]
        cursor.execute(
            f"insert into markets_{table} ({', '.join(names)}) select {', '.join(shown)}"
            f" from markets_{table} limit 1"
        )
