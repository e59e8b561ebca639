from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import moments
from markets.domain.moments import BadMoment

LONDON = "Europe/London"


class TestLocal:
    def test_goes_by_the_clocks_of_the_zone(self):
        assert moments.local(date(2024, 1, 6), time(15), LONDON).hour == 15
        assert moments.local(date(2024, 7, 6), time(15), LONDON).hour == 14

    def test_takes_the_first_of_a_doubled_hour(self):
        first = moments.local(date(2024, 10, 27), time(1, 30), LONDON)
        assert first == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
        assert moments.local(date(2024, 10, 27), time(1, 30, fold=1), LONDON) == first

    @pytest.mark.parametrize(
        "day, at, zone",
        [
            (date(2024, 3, 31), time(1, 30), LONDON),  # the clocks skipped it
            (date(2024, 3, 10), time(2, 0), "America/New_York"),
            (date(1969, 12, 31), time(12), LONDON),
            (date(2101, 1, 1), time(12), LONDON),
            (date(2024, 1, 1), time(12, tzinfo=UTC), LONDON),
            (date(2024, 1, 1), time(12), "Mars/Olympus"),
            (date(2024, 1, 1), time(12), ""),
            (date(2024, 1, 1), time(12), "../etc/passwd"),
        ],
    )
    def test_that_no_clock_showed_is_refused(self, day, at, zone):
        with pytest.raises(BadMoment):
            moments.local(day, at, zone)

    def test_of_a_day_alone_is_noon(self):
        assert moments.noon(date(2024, 7, 6), LONDON) == datetime(2024, 7, 6, 11, tzinfo=UTC)


class TestStamp:
    @pytest.mark.parametrize(
        "told",
        [
            "2024-03-31T12:00:00Z",
            "2024-03-31T14:00:00+02:00",
            "2024-03-31 05:00:00-07:00",
            1711886400,
            1711886400000,
            "1711886400",
            1711886400.0,
        ],
    )
    def test_is_one_moment_however_it_is_told(self, told):
        assert moments.stamp(told) == datetime(2024, 3, 31, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        "told",
        [
            "2024-03-31T12:00:00",
            "2024-03-31",
            "2024-02-30T12:00:00Z",
            "",
            "noon",
            True,
            -1,
            10**15,
            10**30,
            float("nan"),
            float("inf"),
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
        ],
    )
    def test_that_cannot_be_is_refused(self, told):
        with pytest.raises(BadMoment):
            moments.stamp(told)

    @given(ms=st.integers(1, 120 * 365 * 86_400_000))
    def test_in_milliseconds_keeps_them(self, ms):
        told = moments.stamp(100_000_000_001 + ms)
        assert told == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            milliseconds=100_000_000_001 + ms
        )


class TestNoNaive:
    def test_refuses_a_time_without_its_offset(self):
        with pytest.raises(BadMoment):
            moments.no_naive(datetime(2024, 1, 1))  # noqa: DTZ001
        assert moments.no_naive(datetime(2024, 1, 1, tzinfo=UTC)).year == 2024
