"""What sources call competitions, events, markets and runners, and how events were moved."""

from django.contrib import admin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from markets.models import CompetitionAlias, EventAlias, EventChange, MarketAlias, SelectionAlias
from monitoring.desk import chips, columns
from monitoring.desk.pages import Fixed, Kept


@admin.register(CompetitionAlias)
class CompetitionAliasAdmin(Kept):
    list_display = ("alias", "competition", "source", "made_by", "made")
    list_filter = (("source", RelatedDropdownFilter),)
    list_select_related = ("competition", "source")
    search_fields = ("alias", "competition__name", "competition__code")
    ordering = ("alias",)
    autocomplete_fields = ("competition", "source")
    raw_id_fields = ("sport",)
    readonly_fields = ("made_by", "made_at")
    empty_text = "Sources call competitions by the codes we know."
    made = columns.moment("made_at", "Made")


@admin.register(EventAlias)
class EventAliasAdmin(Fixed):
    list_display = ("ref", "namespace", "event")
    list_filter = ("namespace",)
    list_select_related = ("event",)
    detail_related = ("event",)
    search_fields = ("ref", "event__name")
    ordering = ("-pk",)
    empty_text = "No source that gives its events ids was read yet."


@admin.register(EventChange)
class EventChangeAdmin(Fixed):
    list_display = ("event", "field", "before", "after", "source", "known")
    list_filter = ("field", ("source", RelatedDropdownFilter))
    list_select_related = ("event", "source")
    detail_related = ("event", "source")
    search_fields = ("event__name",)
    ordering = ("-pk",)
    empty_text = "No event was moved."
    known = columns.moment("known_at", "Known since")


@admin.register(MarketAlias)
class MarketAliasAdmin(Fixed):
    list_display = ("ref", "namespace", "market", "event")
    list_filter = ("namespace",)
    list_select_related = ("market__event", "market__participant")
    detail_related = ("market__event", "market__participant")
    search_fields = ("ref",)
    ordering = ("-pk",)
    empty_text = "No source that gives its markets ids was read yet."

    @display(description="Event")
    def event(self, row: MarketAlias) -> str:
        return chips.link(row.market.event)


@admin.register(SelectionAlias)
class SelectionAliasAdmin(Fixed):
    list_display = ("ref", "market_ref", "namespace", "selection")
    list_filter = ("namespace",)
    list_select_related = ("selection",)
    detail_related = ("selection",)
    search_fields = ("market_ref", "ref")
    ordering = ("-pk",)
    empty_text = "No source that gives its runners ids was read yet."
