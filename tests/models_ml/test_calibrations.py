"""What a calibration is called, and the curves that a page draws of it."""

import pytest

from models_ml.domain import calibrations

TEMPERATURE = {"method": "temperature", "temperature": 2.0}
BETA = {"method": "beta", "curves": [[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]}
ISOTONIC = {"method": "isotonic", "steps": [[[0.2, 0.8], [0.4, 0.6]]]}


class TestCurves:
    @pytest.mark.parametrize("classes", [2, 3])
    def test_of_no_calibration_are_the_diagonal(self, classes):
        found = calibrations.curves({"method": "identity"}, classes=classes)
        assert len(found) == (1 if classes == 2 else 3)
        assert all(after == pytest.approx(before) for line in found for before, after in line)

    def test_of_a_temperature_above_one_lie_nearer_to_the_middle(self):
        (line,) = calibrations.curves(TEMPERATURE, classes=2)
        low, high = line[0], line[-1]
        assert low[1] > low[0] and high[1] < high[0]

    def test_of_three_classes_are_one_each(self):
        home, draw, away = calibrations.curves(BETA, classes=3)
        assert [after for _, after in draw] == pytest.approx([after for _, after in away])
        middle = len(home) // 2
        assert home[middle][1] < draw[middle][1] - 0.02

    def test_of_isotonic_steps_end_where_the_steps_do(self):
        (line,) = calibrations.curves(ISOTONIC, classes=2)
        assert (line[0][1], line[-1][1]) == pytest.approx((0.4, 0.6))

    def test_of_an_unknown_method_are_refused(self):
        with pytest.raises(ValueError, match="unknown calibration method"):
            calibrations.curves({"method": "tarot"}, classes=2)


class TestByStart:
    def test_gives_each_start_its_own(self):
        told = {"market": TEMPERATURE, "ratings": {"method": "identity"}}
        assert calibrations.by_start(told) == told
        assert calibrations.by_start(BETA) == {"": BETA}
        assert calibrations.by_start({}) == {}
