"""Parts of a page: a picture with its figures folded, and what other rooms put beside facts."""

import pytest
from django.utils.safestring import mark_safe

from monitoring.desk import sections
from monitoring.models import Threshold

FACTS = sections.Facts("Facts", [("Name", "x")])
WIDE = sections.Text("Log", "it ran")
OTHER = sections.Text("Said", "something")


class TestBeside:
    def test_puts_the_parts_of_others_behind_the_facts(self):
        assert sections.beside([FACTS, WIDE], [OTHER]) == [FACTS, OTHER, WIDE]

    def test_puts_them_last_where_nothing_is_wide(self):
        assert sections.beside([FACTS], [OTHER]) == [FACTS, OTHER]

    def test_leaves_a_page_alone_where_there_are_none(self):
        assert sections.beside([FACTS, WIDE], []) == [FACTS, WIDE]


class TestOffered:
    @pytest.fixture
    def offered(self, monkeypatch):
        monkeypatch.setattr(sections, "_OFFERED", {})
        sections.offer(
            Threshold,
            permission="markets.view_event",
            make=lambda row: [sections.Text("Said", row.key)],
        )

    @pytest.mark.usefixtures("offered")
    def test_is_made_of_the_row_for_those_who_may_see_it(self):
        row, asked = Threshold(key="x.y"), []

        def may(permission):
            asked.append(permission)
            return True

        assert sections.offered_on(row, may=may) == [sections.Text("Said", "x.y")]
        assert asked == ["markets.view_event"]

    @pytest.mark.usefixtures("offered")
    def test_is_nothing_for_others(self):
        assert sections.offered_on(Threshold(key="x.y"), may=lambda permission: False) == []


class TestDrawn:
    def test_folds_the_figures_under_the_picture(self):
        table = sections.Table("Points", ("Who", "Said"), [("<b>", 0.25)])
        found = sections.drawn("Curve", mark_safe("<svg></svg>"), table)
        picture, folded = found.html.split("<details", 1)
        assert picture == "<svg></svg>"
        assert "&lt;b&gt;" in folded and "0.2500" in folded and "Figures as a table" in folded
