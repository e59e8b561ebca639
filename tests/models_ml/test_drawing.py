from xml.etree import ElementTree

import pytest

from models_ml.services import drawing

POINT = {"said": 0.4, "happened": 0.5, "low": 0.3, "high": 0.7, "n": 80}
NAMESPACE = "{http://www.w3.org/2000/svg}"


def read(picture: str) -> ElementTree.Element:
    root = ElementTree.fromstring(picture)
    assert root.tag == f"{NAMESPACE}svg" and root.get("role") == "img"
    return root


class TestReliabilitySvg:
    def test_draws_each_versions_points_with_their_interval_in_words(self):
        root = read(drawing.reliability_svg(curves={"v1": [POINT, POINT], "v2": [POINT]}))
        circles = root.findall(f"{NAMESPACE}circle")
        assert len(circles) == 3 and len({c.get("fill") for c in circles}) == 2
        assert circles[0][0].text == "v1: said 0.400, happened 0.500 (0.300 to 0.700), n 80"

    def test_puts_a_perfect_point_on_the_diagonal(self):
        perfect = {**POINT, "said": 0.5, "happened": 0.5}
        circle = read(drawing.reliability_svg(curves={"v1": [perfect]})).find(f"{NAMESPACE}circle")
        assert (float(circle.get("cx")), float(circle.get("cy"))) == pytest.approx(
            (46 + 0.5 * (420 - 60), 420 - 40 - 0.5 * (420 - 54))
        )

    def test_draws_an_empty_plot_of_nothing(self):
        assert not read(drawing.reliability_svg(curves={})).findall(f"{NAMESPACE}circle")

    def test_names_each_line_on_the_plot_itself(self):
        root = read(drawing.reliability_svg(curves={"v1": [POINT], "the market": [POINT]}))
        shown = [text.text for text in root.findall(f"{NAMESPACE}text")]
        assert {"v1", "the market", "said", "happened"} <= set(shown)


class TestCalibrationSvg:
    def test_draws_a_line_for_each_class_in_a_colour_of_its_own(self):
        curves = {"home": [(0.1, 0.2), (0.9, 0.8)], "<away>": [(0.1, 0.1), (0.9, 0.9)]}
        root = read(drawing.calibration_svg(curves=curves))
        lines = root.findall(f"{NAMESPACE}polyline")
        assert len({line.get("stroke") for line in lines}) == 2
        assert lines[0][0].text == "home: 0.1 becomes 0.200, 0.9 becomes 0.800"
        assert [t.text for t in root.findall(f"{NAMESPACE}text")][-2:] == ["home", "<away>"]

    def test_puts_what_stays_as_it_is_on_the_diagonal(self):
        root = read(drawing.calibration_svg(curves={"home": [(0.0, 0.0), (1.0, 1.0)]}))
        diagonal, line = root.find(f"{NAMESPACE}line"), root.find(f"{NAMESPACE}polyline")
        ends = [point.split(",") for point in line.get("points").split()]
        assert [x for x, _ in ends] == [diagonal.get("x1"), diagonal.get("x2")]
        assert [y for _, y in ends] == [diagonal.get("y1"), diagonal.get("y2")]


class TestShapSvg:
    def test_draws_the_first_features_with_what_is_unknown_in_grey(self):
        features = [
            {"name": f"feature {i}", "mean_abs": 1 / (i + 1), "points": [[0.5, 0.0], [-1.0, None]]}
            for i in range(20)
        ]
        root = read(drawing.shap_svg(features=features))
        circles = root.findall(f"{NAMESPACE}circle")
        assert len(circles) == 2 * drawing.MOST
        assert [c.get("fill") for c in circles[:2]] == ["#2563eb", "#9ca3af"]
        assert float(circles[0].get("cx")) > float(circles[1].get("cx"))

    def test_escapes_names(self):
        features = [{"name": "<script>", "mean_abs": 0.1, "points": []}]
        picture = drawing.shap_svg(features=features)
        assert "<script>" not in picture and read(picture) is not None


class TestBarsSvg:
    def test_draws_bars_to_one_scale_and_each_ones_own_limit(self):
        bars, limits = [("a", 0.4), ("b", 0.1), ("c", 0.1)], {"a": 0.2, "b": 0.3}
        root = read(drawing.bars_svg(bars=bars, title="PSI", limits=limits))
        drawn = root.findall(f"{NAMESPACE}rect")
        a, b, c = (float(bar.get("width")) for bar in drawn)
        assert a == pytest.approx(4 * b, rel=0.02) and b == c
        marks = root.findall(f"{NAMESPACE}line")
        assert [mark[0].text for mark in marks] == ["limit 0.2", "limit 0.3"]
        assert float(marks[0].get("x1")) == pytest.approx(drawing.NAMES + a / 2, abs=0.1)
        colours = [bar.get("fill") for bar in drawn]
        assert colours[1] == colours[2] != colours[0]  # only the first lies beyond its limit

    def test_draws_nothing_of_nothing(self):
        assert not read(drawing.bars_svg(bars=[], title="PSI")).findall(f"{NAMESPACE}rect")
