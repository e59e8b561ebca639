"""Notices: news, injuries, line-ups and the rest, as plain text."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from markets.models import Notice
from monitoring.desk import chips, sections
from monitoring.desk.pages import Fixed, list_url


@admin.register(Notice)
class NoticeAdmin(Fixed):
    list_display = (
        "headline",
        "kind_chip",
        "about",
        "person",
        "status",
        "source",
        "origin",
        "known",
    )
    list_filter = (("kind", ChoicesDropdownFilter), ("source", RelatedDropdownFilter))
    list_select_related = ("source", "event__competition", "participant")
    search_fields = ("title", "person", "ref")
    ordering = ("-pk",)
    detail_related = ("source", "event__competition", "participant")
    empty_text = "Nothing was told yet: name feeds in the options of the source “News feeds”."

    @display(description="Title", ordering="title")
    def headline(self, row: Notice) -> str:
        return row.title[:100]

    @display(description="Kind", ordering="kind")
    def kind_chip(self, row: Notice) -> str:
        return chips.chip(row.get_kind_display(), "idle", "campaign")

    @display(description="About")
    def about(self, row: Notice) -> str:
        if row.event is not None:
            return chips.link(row.event, row.event.name)
        return str(row.participant) if row.participant is not None else "–"

    @display(description="Origin", ordering="source__is_simulated")
    def origin(self, row: Notice) -> str:
        return chips.origin(is_simulated=row.source.is_simulated)

    @display(description="Known since", ordering="known_at")
    def known(self, row: Notice) -> str:
        return chips.when(row.known_at)

    def badges(self, row: Notice) -> list[Any]:
        return [self.kind_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Notice) -> list[sections.Section]:
        versions = Notice.objects.filter(source=row.source, kind=row.kind, ref=row.ref)
        told = [(v.version, v.known_at, v.title, v.status) for v in versions.order_by("-version")]
        shown: list[sections.Section] = [
            self.all_facts(row),
            sections.Table(
                "Its versions", ("Version", "Known since", "Title", "Status"), told,
                more=("All of its kind", list_url(Notice, kind__exact=row.kind)),
            ),
        ]  # fmt: skip
        if row.body:
            shown.append(sections.Text("What it says", row.body))
        if row.data:
            shown.append(sections.Text("More", json.dumps(row.data, indent=2, ensure_ascii=False)))
        if row.url.startswith(("http://", "https://")):
            link = format_html(
                '<a class="cl-link" href="{}" rel="noopener noreferrer nofollow">{}</a>',
                row.url,
                row.url,
            )
            shown.append(sections.Html("Where it stands", link))
        return shown
