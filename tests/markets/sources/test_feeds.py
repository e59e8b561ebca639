"""RSS, Atom and JSON feeds, written by us."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from markets.connectors.base import Answer, Asked, Reading
from markets.connectors.feeds import Feeds

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads" / "feeds"
FIELDS = {
    "items": "data.items", "id": "key", "title": "headline", "team": "who.club",
    "person": "who.name", "status": "state", "published_at": "when",
}  # fmt: skip


def read(payload, **options):
    if isinstance(payload, str):
        payload = (PAYLOADS / payload).read_bytes()
    (batch,) = Feeds().read(io.BytesIO(payload), reading=Reading("feed", NOW, options=options))
    return batch


def rss(item, head=""):
    return f'{head}<rss version="2.0"><channel><item>{item}</item></channel></rss>'.encode()


class TestWhatIsKeptBeside:
    def test_is_the_practice_status_of_an_injury(self):
        listed = b'[{"title": "Knee", "player": "J. Smith", "practice_status": "Limited"}]'
        (notice,) = read(listed, kind="INJURY").notices
        assert notice.data == {"practice": "Limited"}
        elsewhere = b'[{"title": "Knee", "report": {"thu": "DNP"}}]'
        (notice,) = read(elsewhere, kind="INJURY", fields={"practice": "report.thu"}).notices
        assert notice.data == {"practice": "DNP"}

    def test_are_the_figures_that_were_asked_for(self):
        listed = b"""[{"title": "Arrowhead", "wx": {"wind": 14.5, "sky": " clear\\u0000 ", "x": {}},
            "bets": 61, "home": true}]"""
        asked = {"wind": "wx.wind", "sky": "wx.sky", "bets": "bets", "x": "wx.x", "y": "no.where",
                 "home": "home"}  # fmt: skip
        for kind in ("WEATHER", "PUBLIC_SHARE"):
            (notice,) = read(listed, kind=kind, data=asked).notices
            assert notice.data == {"wind": 14.5, "sky": "clear", "bets": 61}

    @pytest.mark.parametrize(
        "data", [["wind"], {"wind": 7}, {"wind": ""}, {str(n): "x" for n in range(21)}]
    )
    def test_is_judged_before_it_is_saved(self, data):
        (wrong,) = Feeds().check_options({"data": data})
        assert wrong.startswith("data: ")
        assert Feeds().check_options({"data": {"wind": "wx.wind"}, "kind": "PUBLIC_SHARE"}) == []


class TestRss:
    def test_is_read_item_by_item_as_plain_text(self):
        first = read("news.rss", team_from_category=True, competition="E0").notices[0]
        assert (first.kind, first.ref, first.team) == ("NEWS", "wire-1", "Alders")
        assert first.title == "Alders lose Smith for a month"
        assert first.body == "The knee.\nBack in December."
        assert first.url == "https://news.example/1"
        assert first.published_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
        assert (first.competition, first.data) == ("E0", {"categories": ["Alders"]})

    def test_counts_every_item_and_refuses_those_without_a_title_or_told_already(self):
        batch = read("news.rss")
        assert (batch.records, len(batch.notices)) == (4, 2)
        assert [(p.row, p.field, p.is_rejection) for p in batch.problems] == [
            (2, "published_at", False),
            (3, "title", True),
            (4, "id", True),
        ]

    def test_follows_no_link_that_a_browser_should_not(self):
        assert read("news.rss").notices[1].url == ""

    def test_tells_an_item_without_an_id_by_what_it_says(self):
        one = read(rss("<title>A</title>")).notices[0].ref
        assert one == read(rss("<title>A</title>")).notices[0].ref
        assert one != read(rss("<title>B</title>")).notices[0].ref
        assert one.startswith("sha256:")

    @pytest.mark.parametrize(
        "title, shown",
        [
            ("&lt;img src=x onerror=alert(1)&gt;News", "News"),
            ("{{ 7*7 }} =HYPERLINK(1)", "{{ 7*7 }} =HYPERLINK(1)"),
            ("a\u202eb\u200bc", "abc"),
            ("Ko\u0308ln", "K\u00f6ln"),
            ("x" * 400, "x" * 300),
            ("two\nlines", "two lines"),
        ],
    )
    def test_shows_nothing_but_words(self, title, shown):
        assert read(rss(f"<title>{title}</title>")).notices[0].title == shown

    def test_without_times_leaves_the_time_open(self):
        notice = read(rss("<title>A</title>")).notices[0]
        assert notice.published_at is None


class TestAtom:
    def test_is_read_with_the_link_that_people_follow(self):
        notice = read("news.atom", kind="ROSTER").notices[0]
        assert (notice.kind, notice.ref, notice.title) == (
            "ROSTER", "urn:wire:1", "Birches sign a keeper",
        )  # fmt: skip
        assert (notice.url, notice.body) == ("https://news.example/a1", "From the second tier.")
        assert notice.published_at == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class TestJson:
    def test_is_read_by_the_paths_that_the_options_name(self):
        batch = read("injuries.json", fields=FIELDS, kind="INJURY")
        first, second = batch.notices
        assert (first.ref, first.team, first.person, first.status) == (
            "7", "Alders", "J. Smith", "Out",
        )  # fmt: skip
        assert first.published_at == datetime.fromtimestamp(1795253400, UTC)
        assert second.published_at == datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
        assert [(p.row, p.is_rejection) for p in batch.problems] == [(3, True)]
        assert batch.records == 3

    def test_is_read_by_the_usual_names_without_options(self):
        batch = read(b'[{"id": 1, "title": "A", "link": "https://news.example/1"}]')
        assert (batch.notices[0].ref, batch.notices[0].url) == ("1", "https://news.example/1")

    def test_without_a_list_where_one_should_be_is_no_feed(self):
        batch = read(b'{"items": 1}', fields={"items": "items"})
        assert "a list of items at items" in batch.problems[0].message


class TestPayload:
    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"<html><body>503</body></html>",
            b"<rss><channel><item>",
            b"\xff\xfe<\x00r\x00",
            b"{",
            b"plain",
        ],
    )
    def test_that_is_no_feed_is_told_and_breaks_nothing(self, payload):
        batch = read(payload)
        assert (batch.records, list(batch.notices)) == (0, [])
        assert [problem.row for problem in batch.problems] == [None]

    @pytest.mark.parametrize(
        "head",
        [
            '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE rss [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE rss SYSTEM "http://192.0.2.1/rss.dtd">',
        ],
    )
    def test_may_declare_no_entities(self, head):
        batch = read(rss("<title>A</title>", head))
        assert "without a document type and entities" in batch.problems[0].message


class TestOptions:
    @pytest.mark.parametrize(
        "options, wrong",
        [
            ({}, 0),
            ({"urls": ["https://news.example/rss"], "kind": "INJURY", "fields": FIELDS}, 0),
            ({"urls": "https://news.example/rss"}, 1),
            ({"urls": ["file:///etc/passwd"]}, 1),
            ({"kind": "GOSSIP"}, 1),
            ({"fields": {"colour": "a"}}, 1),
            ({"fields": {"title": 1}, "competition": 3, "x": 1}, 3),
        ],
    )
    def test_are_checked(self, options, wrong):
        assert len(Feeds().check_options(options)) == wrong

    @pytest.mark.parametrize(
        "urls, location, expected",
        [
            (["https://a.example/", "https://b.example/"], "", ["a", "b"]),
            ([], "https://c.example/", ["c"]),
            ([], "", []),
        ],
    )
    def test_say_which_feeds_are_asked(self, urls, location, expected):
        asked = Asked({"urls": urls}, location, None, {}, NOW)
        answers = Feeds().ask(asked=asked, get=lambda url, if_changed: Answer("feed", url, b""))
        assert [answer.origin[8] for answer in answers] == expected
