import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, connections

from markets.services import partitions


def names():
    with connection.cursor() as cursor:
        cursor.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'markets_pricesnapshot'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db
class TestEnsure:
    def test_makes_what_is_missing_once(self):
        months = [(1999, 12), (2000, 1)]
        assert partitions.ensure(months=months) == [
            "markets_pricesnapshot_1999_12",
            "markets_pricesnapshot_2000_01",
        ]
        assert partitions.ensure(months=months) == []

    def test_divides_the_months_in_utc(self):
        partitions.ensure(months=[(1999, 12), (2000, 1)])
        with connection.cursor() as cursor:
            for second in ("1999-12-31 23:59:59.999999+00", "2000-01-01 00:00:00+00"):
                cursor.execute(
                    "insert into markets_pricesnapshot values (1, 1, %s, 2.0, now(), 0)", [second]
                )
            cursor.execute(
                "select tableoid::regclass::text from markets_pricesnapshot where selection_id = 1"
                " order by seen_at"
            )
            assert [name for (name,) in cursor.fetchall()] == [
                "markets_pricesnapshot_1999_12",
                "markets_pricesnapshot_2000_01",
            ]

    def test_keeps_the_rules_of_the_table(self):
        partitions.ensure(months=[(1999, 12)])
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_indexes where tablename = 'markets_pricesnapshot_1999_12'"
            )
            assert cursor.fetchone() == (2,)
            cursor.execute(
                "select count(*) from pg_constraint where conname = 'snapshot_price_above_one'"
                " and conrelid = 'markets_pricesnapshot_1999_12'::regclass"
            )
            assert cursor.fetchone() == (1,)

    def test_makes_months_ahead_across_the_year(self):
        partitions.ensure_ahead(now=datetime(2031, 11, 30, 23, 30, tzinfo=UTC))
        assert names() >= {
            "markets_pricesnapshot_2031_11",
            "markets_pricesnapshot_2031_12",
            "markets_pricesnapshot_2032_01",
        }


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_several_processes_make_one_month_once(self):
        barrier, made, failed = threading.Barrier(4), [], []

        def make():
            try:
                barrier.wait()
                made.extend(partitions.ensure(months=[(2041, month) for month in (1, 2, 3)]))
            except Exception as fault:
                failed.append(fault)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        try:
            assert failed == []
            assert sorted(made) == [f"markets_pricesnapshot_2041_{m:02d}" for m in (1, 2, 3)]
        finally:
            with connection.cursor() as cursor:
                for month in (1, 2, 3):
                    cursor.execute(f"drop table if exists markets_pricesnapshot_2041_{month:02d}")
