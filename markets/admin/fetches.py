"""What each look brought, what was turned away, and the payloads as they came."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from markets.models import AskedAddress, Fetch, FetchProblem, PayloadLook, RawPayload
from monitoring.desk import chips, columns, sections
from monitoring.desk.pages import Fixed, list_url

REFUSED = "refused"  # in a look's counts: prices that the gate turned away, by the reason


def fetch_row(fetch: Fetch) -> tuple[Any, ...]:
    return (
        chips.state(fetch.state, fetch.get_state_display()),
        chips.link(fetch, f"#{fetch.pk}"),
        fetch.origin[-60:],
        fetch.started_at,
        rows_of(fetch),
        brought(fetch),
        fetch.error[:100],
    )


def rows_of(fetch: Fetch) -> str:
    """Return in one line how the records ended, without the zeros."""
    ends = ("loaded", "unchanged", "parked", "rejected")
    parts = [f"{n:,} {end}" for end in ends if (n := getattr(fetch, f"rows_{end}"))]
    return ", ".join(parts) or "–"


def brought(fetch: Fetch) -> str:
    """Return a look's counts in one line, without the zeros."""
    parts = []
    for noun, counts in fetch.counts.items():
        if isinstance(counts, dict) and noun != REFUSED:
            parts += [
                f"{n:,} {how} {noun}" for how, n in counts.items() if n and how != "unchanged"
            ]
    return ", ".join(parts) or "–"


@admin.register(Fetch)
class FetchAdmin(Fixed):
    list_display = (
        "number",
        "source",
        "state_chip",
        "origin",
        "started",
        "took",
        "rows",
        "counted",
        "error",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("error_kind", ChoicesDropdownFilter),
        ("source", RelatedDropdownFilter),
    )
    list_select_related = ("source",)
    search_fields = ("origin", "error")
    ordering = ("-pk",)
    detail_related = ("source",)
    empty_text = "No source was read yet: Sources → Ingest now."

    number = columns.number("Look")
    state_chip = columns.state("state")
    started = columns.moment("started_at", "Started")

    @display(description="Took")
    def took(self, row: Fetch) -> str:
        over = row.finished_at
        return chips.duration((over - row.started_at).total_seconds() if over else None)

    @display(description="Rows")
    def rows(self, row: Fetch) -> str:
        return rows_of(row)

    @display(description="Brought")
    def counted(self, row: Fetch) -> str:
        return brought(row)

    def badges(self, row: Fetch) -> list[Any]:
        return [self.state_chip(row), chips.origin(is_simulated=row.source.is_simulated)]

    def parts(self, request: HttpRequest, row: Fetch) -> list[sections.Section]:
        problems = row.problems.order_by("pk")[:200]
        rows = [
            (p.file, p.row, p.field, p.message, "rejected" if p.is_rejection else "used in part")
            for p in problems
        ]
        looks = row.looks.select_related("payload").order_by("ordinal")[:100]
        return [
            self.all_facts(row),
            sections.Facts(
                "Counts",
                [(name, n) for name, n in row.counts.items() if name != REFUSED]
                or [("none", None)],
            ),
            sections.Table(
                "Prices that the gate turned away", ("Why", "Prices"),
                list((row.counts.get(REFUSED) or {}).items()), wide=False, empty="None was.",
            ),
            sections.Table(
                "Turned away", ("File", "Row", "Field", "What was expected", "The record"), rows,
                empty="Every row was used.",
            ),
            sections.Table(
                "Payloads, in the order in which they were read", ("Payload", "Read as", "At"),
                [(chips.link(o.payload, o.payload.sha256[:12]), o.name, o.fetched_at)
                 for o in looks],
                empty="None was archived.",
                more=("All of them", list_url(PayloadLook, fetch__id__exact=row.pk)),
            ),
        ]  # fmt: skip


@admin.register(FetchProblem)
class FetchProblemAdmin(Fixed):
    list_display = ("file", "row", "field", "message", "is_rejection", "source", "look")
    list_select_related = ("fetch__source",)
    list_filter = (("fetch__source", RelatedDropdownFilter), "is_rejection")
    search_fields = ("file", "field", "message")
    ordering = ("-pk",)
    detail_related = ("fetch__source",)
    empty_text = "Every row that came could be used."

    @display(description="Source")
    def source(self, row: FetchProblem) -> str:
        return str(row.fetch.source)

    @display(description="Look")
    def look(self, row: FetchProblem) -> str:
        return chips.link(row.fetch, f"#{row.fetch_id}")


@admin.register(RawPayload)
class RawPayloadAdmin(Fixed):
    list_display = ("short", "source", "origin", "media", "size", "stored_bytes", "fetched")
    list_filter = (("source", RelatedDropdownFilter), ("media", ChoicesDropdownFilter))
    list_select_related = ("source",)
    search_fields = ("sha256", "origin")
    ordering = ("-pk",)
    detail_related = ("source",)

    @display(description="SHA-256")
    def short(self, row: RawPayload) -> str:
        return row.sha256[:12]

    fetched = columns.moment("fetched_at", "Fetched")

    def parts(self, request: HttpRequest, row: RawPayload) -> list[sections.Section]:
        looks = row.looks.select_related("fetch").order_by("-fetched_at")[:50]
        seen = [(chips.link(o.fetch, f"#{o.fetch_id}"), o.name, o.fetched_at) for o in looks]
        return [
            self.all_facts(row),
            sections.Table(
                "Looks that saw it", ("Look", "Read as", "At"), seen,
                empty="It was read beside another file alone.",
            ),
        ]  # fmt: skip


@admin.register(AskedAddress)
class AskedAddressAdmin(Fixed):
    list_display = ("address", "source", "read", "unchanged", "times_unchanged", "last_modified")
    list_select_related = ("source",)
    list_filter = (("source", RelatedDropdownFilter),)
    search_fields = ("address",)
    ordering = ("-read_at",)
    detail_related = ("source",)
    empty_text = "No address has told by what it can be asked for changes alone."

    read = columns.moment("read_at", "Read whole")
    unchanged = columns.moment("unchanged_at", "Nothing new")


@admin.register(PayloadLook)
class PayloadLookAdmin(Fixed):
    list_display = ("name", "source", "look", "payload_short", "fetched")
    list_select_related = ("fetch__source", "payload")
    list_filter = (("fetch__source", RelatedDropdownFilter),)
    search_fields = ("name", "payload__sha256")
    ordering = ("-fetched_at",)
    detail_related = ("fetch__source", "payload")
    empty_text = "Nothing was read yet: Sources → Ingest now."

    fetched = columns.moment("fetched_at", "Fetched")

    @display(description="Source")
    def source(self, row: PayloadLook) -> str:
        return str(row.fetch.source)

    @display(description="Look")
    def look(self, row: PayloadLook) -> str:
        return chips.link(row.fetch, f"#{row.fetch_id}")

    @display(description="Payload")
    def payload_short(self, row: PayloadLook) -> str:
        return chips.link(row.payload, row.payload.sha256[:12])
