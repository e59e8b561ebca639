from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain.windows import ChangeWindow

HOUSE = ChangeWindow(frozenset({1, 2, 3}), time(18), "UTC")
MOMENTS = st.integers(0, 10 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
ZONES = st.sampled_from(["UTC", "Europe/London", "America/New_York", "Africa/Cairo", "Asia/Tokyo"])
WINDOWS = st.builds(ChangeWindow, st.frozensets(st.integers(0, 6)), st.times(), ZONES)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestIsOpen:
    @pytest.mark.parametrize(
        ("moment", "is_open"),
        [
            ("2026-11-16 12:00", False),  # a Monday
            ("2026-11-16 23:59:59.999999", False),
            ("2026-11-17 00:00", True),
            ("2026-11-18 12:00", True),
            ("2026-11-19 17:59:59.999999", True),
            ("2026-11-19 18:00", False),
            ("2026-11-20 12:00", False),
            ("2026-11-21 12:00", False),
            ("2026-11-22 12:00", False),
        ],
    )
    def test_is_from_tuesday_to_thursday_before_six(self, moment, is_open):
        assert HOUSE.is_open(at(moment)) == is_open

    @pytest.mark.parametrize(
        ("moment", "is_open"),
        [
            ("2026-03-26 17:59", True),  # London keeps winter time: 17:59 there
            ("2026-03-26 18:00", False),
            ("2026-03-31 16:59", True),  # and summer time from 29 March on: 17:59 there
            ("2026-03-31 17:00", False),
            ("2026-03-30 23:00", True),  # Tuesday has begun there
        ],
    )
    def test_goes_by_the_clocks_of_its_zone(self, moment, is_open):
        window = ChangeWindow(frozenset({1, 2, 3}), time(18), "Europe/London")
        assert window.is_open(at(moment)) == is_open

    def test_on_no_day_is_never_open(self):
        window = ChangeWindow(frozenset(), time(18))
        assert not any(window.is_open(at(f"2026-11-{day} 12:00")) for day in range(16, 23))
        assert window.opens_at(at("2026-11-17 12:00")) is None
        assert str(window) == "no day before 18:00 UTC"


class TestOpensAt:
    @pytest.mark.parametrize(
        ("moment", "opening"),
        [
            ("2026-11-17 12:00", "2026-11-17 12:00"),
            ("2026-11-17 18:00", "2026-11-18 00:00"),
            ("2026-11-19 18:00", "2026-11-24 00:00"),
            ("2026-11-16 09:00", "2026-11-17 00:00"),
        ],
    )
    def test_is_now_or_the_next_such_day(self, moment, opening):
        assert HOUSE.opens_at(at(moment)) == at(opening)

    def test_of_a_single_day_is_a_week_later(self):
        window = ChangeWindow(frozenset({1}), time(18))
        assert window.opens_at(at("2026-11-17 18:00")) == at("2026-11-24 00:00")

    def test_is_after_the_hour_that_a_clock_left_out(self):
        # Cairo went from 00:00 to 01:00 on Friday 24 April 2026.
        window = ChangeWindow(frozenset({4}), time(18), "Africa/Cairo")
        assert window.opens_at(at("2026-04-23 12:00")) == at("2026-04-23 22:00")

    @settings(deadline=None)
    @given(WINDOWS, MOMENTS)
    def test_is_open_and_never_earlier_than_asked(self, window, moment):
        opening = window.opens_at(moment)
        if opening is None:
            assert not window.weekdays or window.until <= time(1)
        else:
            assert window.is_open(opening)
            assert moment <= opening <= moment + timedelta(days=7, hours=2)


class TestChangeWindow:
    @pytest.mark.parametrize("days", [{7}, {-1}, {1, 8}, {"Tue"}])
    def test_refuses_a_day_that_no_week_has(self, days):
        with pytest.raises(ValueError, match="no weekday"):
            ChangeWindow(frozenset(days), time(18))

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
    def test_refuses_a_zone_that_does_not_exist(self, zone):
        with pytest.raises(ValueError, match="no time zone"):
            ChangeWindow(frozenset({1}), time(18), zone)
