from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from markets.models import Competition, Event, EventChange, Season, Sport
from markets.services import copying

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)


def an_event(name):
    """An outright: an event without sides, told by its season and name."""
    sport, _ = Sport.objects.get_or_create(code="golf", defaults={"name": "Golf"})
    competition, _ = Competition.objects.get_or_create(sport=sport, code="G", name="Open")
    season, _ = Season.objects.get_or_create(competition=competition, label="2024")
    return Event.objects.create(competition=competition, season=season, name=name, starts_at=AT)


@pytest.fixture
def table(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE t (n bigint, at timestamptz, price numeric(9,3), f float8)"
        )
    return "t"


def copy(table, n, at, price, f):
    copying.copy_columns(
        table=table,
        names=["n", "at", "price", "f"],
        kinds=["bigint", "moment", "price", "float"],
        columns=[
            np.array(n, dtype=np.int64),
            np.array(at, dtype=np.int64),
            np.array(price, dtype=np.int64),
            np.array(f, dtype=np.float64),
        ],
    )


def rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY n")
        return cursor.fetchall()


class TestCopyColumns:
    def test_brings_every_value_as_it_is(self, table):
        moment = datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)
        micro = int(moment.timestamp()) * 1_000_000 + 123456
        copy(table, [1, 2], [micro, 0], [1001, 999_999_999], [0.25, -1e300])
        assert rows(table) == [
            (1, moment, Decimal("1.001"), 0.25),
            (2, datetime(1970, 1, 1, tzinfo=UTC), Decimal("999999.999"), -1e300),
        ]

    @pytest.mark.parametrize(
        "thousandths", [0, 1, 10, 1000, 1010, 1950, 10_000, 1_000_000, 12_345_678]
    )
    def test_makes_decimals_that_postgres_itself_would_make(self, table, thousandths):
        copy(table, [1], [0], [thousandths], [0])
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT price::text, price = %s FROM {table}", [Decimal(thousandths) / 1000]
            )
            assert cursor.fetchone() == (f"{Decimal(thousandths) / 1000:.3f}", True)

    def test_brings_no_row_where_there_is_none(self, table):
        copy(table, [], [], [], [])
        assert rows(table) == []


class TestReadColumns:
    def test_returns_what_was_copied(self, table):
        copy(table, [1, 2], [1_500_000_000_000_001, -5], [1, 1], [0, 0])
        n, at = copying.read_columns(
            query="SELECT n, at FROM t WHERE n = ANY(%(wanted)s) ORDER BY n",
            parameters={"wanted": [1, 2, 3]},
            kinds=["bigint", "moment"],
        )
        assert n.tolist() == [1, 2]
        assert at.tolist() == [1_500_000_000_000_001, -5]

    def test_returns_empty_columns_for_no_row(self, table):
        columns = copying.read_columns(
            query="SELECT n, at FROM t", parameters={}, kinds=["bigint", "moment"]
        )
        assert [column.size for column in columns] == [0, 0]


class TestAddRows:
    def test_numbers_the_rows_and_keeps_every_field(self, db):
        rows = [
            EventChange(
                event=an_event(name), field="status", before='say "x"\t\\', after=name, known_at=AT
            )
            for name in ("one", "two")
        ]
        copying.add_rows(rows)
        stored = list(EventChange.objects.order_by("pk"))
        assert [row.pk for row in stored] == [row.pk for row in rows]
        assert [(row.before, row.after) for row in stored] == [
            ('say "x"\t\\', "one"),
            ('say "x"\t\\', "two"),
        ]
        assert {row.known_at for row in stored} == {AT}

    def test_adds_documents(self, db):
        event = an_event("one")
        event.pk, event.name, event.data = None, "two", {"spread": -3.5}
        copying.add_rows([event])
        assert Event.objects.get(name="two").data == {"spread": -3.5}

    def test_refuses_like_any_other_insert(self, db):
        event = an_event("one")
        event.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            copying.add_rows([event])
        assert Event.objects.count() == 1

    def test_adds_nothing_where_there_is_nothing(self, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            copying.add_rows([])


class TestAsAnyArray:
    @pytest.mark.parametrize(
        "values",
        [[], ["a", None, 'say "b"'], ["back\\slash", "{brace,comma}", "", "NULL", "Süd\n"]],
    )
    def test_is_read_back_as_it_was(self, db, values):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::text[]", [copying.as_any_array(values)])
            assert cursor.fetchone()[0] == values
