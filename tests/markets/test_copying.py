from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection

from markets.services import copying


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
