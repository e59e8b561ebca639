"""Unknown names with what they may mean, and the records that wait for them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from markets.models import (
    ParkedRow,
    Participant,
    Sport,
    UnknownName,
)
from markets.queries import names
from markets.services import mapping_names, suggesting
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url

PERMISSION = "markets.change_unknownname"
ROWS_SHOWN = 50
_TONES = {
    UnknownName.State.OPEN: ("warn", "help"),
    UnknownName.State.MAPPED: ("good", "link"),
    UnknownName.State.CREATED: ("good", "add_circle"),
    UnknownName.State.IGNORED: ("idle", "block"),
}
_WAITS = {
    ParkedRow.State.WAITING: ("wait", "hourglass_empty"),
    ParkedRow.State.LOADED: ("good", "check_circle"),
    ParkedRow.State.IGNORED: ("idle", "block"),
}


class MapForm(ReasonForm):
    """Whom a name means: one of those most alike, or anybody by number."""

    suggestion = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    other = forms.IntegerField(
        required=False,
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="The number of another participant or competition; it goes before the choice.",
    )
    everywhere = forms.BooleanField(
        required=False, help_text="In every competition of the sport, not only where it was met."
    )
    field_order = ("suggestion", "other", "everywhere", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = self.rows[0].suggestions if len(self.rows) == 1 else []  # type: ignore[attr-defined]
        self.fields["suggestion"].choices = [  # type: ignore[attr-defined]
            ("", "–"),
            *((str(one["id"]), f"{one['name']} · {one['score']:g} % alike") for one in found),
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not values.get("other") and not values.get("suggestion"):
            raise forms.ValidationError("Say whom the name means.")
        return dict(values)


class CreateForm(ReasonForm):
    """What to make of a name; what is left empty is as the source says it."""

    name = forms.CharField(
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text="How we call it. Empty: as the source does.",
    )
    kind = forms.ChoiceField(
        required=False,
        choices=[("", "as usual in its sport"), *Participant.Kind.choices],
        widget=UnfoldAdminSelectWidget(),
        help_text="Of a participant.",
    )
    sport = forms.ModelChoiceField(
        Sport.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="Of a competition.",
    )
    code = forms.CharField(
        required=False,
        max_length=30,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Of a competition: short, as “E0”.",
    )
    time_zone = forms.CharField(
        required=False,
        max_length=64,
        initial="UTC",
        widget=UnfoldAdminTextInputWidget(),
        help_text="Of a competition: whose clocks its days go by.",
    )
    field_order = ("name", "kind", "sport", "code", "time_zone", "reason")


def map_name(asked: Asked) -> Done:
    row, meant = asked.row, int(asked.values["other"] or asked.values["suggestion"])
    is_competition = row.kind == UnknownName.Kind.COMPETITION
    mapping_names.map_name(
        unknown_id=row.pk,
        participant_id=None if is_competition else meant,
        competition_id=meant if is_competition else None,
        everywhere=asked.values["everywhere"],
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
        user=asked.user,
    )
    return Done(f"Mapped {row.name}: what waited for it is being loaded.")


def create(asked: Asked) -> Done:
    sport = asked.values["sport"]
    for row in asked.rows:
        mapping_names.create_from_name(
            unknown_id=row.pk,
            name=asked.values["name"] if len(asked.rows) == 1 else "",
            kind=asked.values["kind"],
            code=asked.values["code"] if len(asked.rows) == 1 else "",
            sport_code=sport.code if sport is not None else "",
            time_zone=asked.values["time_zone"] or "UTC",
            actor=asked.actor,
            reason=asked.reason,
            now=asked.now,
            user=asked.user,
        )
    return Done(f"Created {len(asked.rows)}: what waited is being loaded.")


def ignore(asked: Asked) -> Done:
    for row in asked.rows:
        mapping_names.ignore_name(
            unknown_id=row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
        )
    return Done(f"Ignored {len(asked.rows)}.")


def load(asked: Asked) -> Done:
    return asking.ask(asked, task=mapping_names.LOAD)


def _can_be_resolved(row: UnknownName) -> bool:
    return row.state in (UnknownName.State.OPEN, UnknownName.State.IGNORED)


LOAD = Action(
    name="load",
    title="Load waiting rows",
    permission=PERMISSION,
    consequence="Every record that waits is read again from its payload; what still is not known"
    " goes on waiting.",
    act=load,
    icon="download_done",
    on=frozenset({"table"}),
)


class NamesToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("To decide", lambda now: Q(state=UnknownName.State.OPEN)),
        "over": ("Decided", lambda now: ~Q(state=UnknownName.State.OPEN)),
    }


@admin.register(UnknownName)
class UnknownNameAdmin(Fixed):
    list_display = ("name", "source", "what", "where", "state_chip", "rows", "may_mean", "since")
    list_filter = (
        NamesToSee,
        ("kind", ChoicesDropdownFilter),
        ("source", RelatedDropdownFilter),
        "sport",
    )
    list_select_related = ("source", "sport", "competition")
    detail_related = ("source", "sport", "competition")
    search_fields = ("name",)
    ordering = ("-rows", "-pk")
    empty_text = "Every name that a source used is known."
    desk_actions = (
        Action(
            name="map",
            title="Map…",
            permission=PERMISSION,
            consequence="From now on the source means this by the name. The records that wait for"
            " it are loaded.",
            act=map_name,
            form=MapForm,
            valid=_can_be_resolved,
            invalid="{row} is decided already.",
            icon="link",
        ),
        Action(
            name="create",
            title="Create…",
            permission=PERMISSION,
            consequence="Somebody new is made for each name, and the records that wait are loaded."
            " A twin of somebody who is here already takes their bets and results apart.",
            act=create,
            form=CreateForm,
            valid=_can_be_resolved,
            invalid="{row} is decided already.",
            icon="add_circle",
            on=BOTH,
        ),
        Action(
            name="ignore",
            title="Ignore…",
            permission=PERMISSION,
            consequence="The records that wait for it rest, and new ones with it too. It can still"
            " be mapped later.",
            act=ignore,
            valid=lambda row: row.state == UnknownName.State.OPEN,
            invalid="{row} is decided already.",
            icon="block",
            is_dangerous=True,
            on=BOTH,
        ),
        LOAD,
    )

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [
            sections.Tile(
                backlog.source,
                backlog.names,
                url=list_url(UnknownName, show="open", source__id__exact=backlog.source_id),
                tone="warn" if backlog.names else "",
                note=f"{backlog.rows:,} records wait",
                is_active=request.GET.get("source__id__exact") == str(backlog.source_id),
            )
            for backlog in names.backlogs()
        ]

    @display(description="Of", ordering="kind")
    def what(self, row: UnknownName) -> str:
        return row.get_kind_display()

    @display(description="In")
    def where(self, row: UnknownName) -> str:
        return str(row.competition or row.sport or "–")

    @display(description="State", ordering="state")
    def state_chip(self, row: UnknownName) -> str:
        return chips.chip(row.get_state_display(), *_TONES[UnknownName.State(row.state)])

    @display(description="May mean")
    def may_mean(self, row: UnknownName) -> str:
        if not row.suggestions:
            return "–"
        best = row.suggestions[0]
        text = f"{best['name']} ({best['score']:g})"
        return chips.chip(f"likely: {text}", "note", "check") if suggesting.is_likely(row) else text

    since = columns.moment("first_seen_at", "Since")

    def badges(self, row: UnknownName) -> list[Any]:
        return [self.state_chip(row), chips.origin(is_simulated=row.source.is_simulated)]

    def parts(self, request: HttpRequest, row: UnknownName) -> list[sections.Section]:
        parked = row.parked.order_by("state", "-pk")[:ROWS_SHOWN]
        return [
            self.all_facts(row),
            sections.Table(
                "What it may mean",
                ("Number", "Name", "Alike, %"),
                [(one["id"], one["name"], f"{one['score']:.1f}") for one in row.suggestions],
                empty="Nothing we know has a name like it.",
                note="Likeness is no proof: nothing is mapped by itself.",
            ),
            sections.Table(
                "Records with it",
                ("State", "File", "Record", "Reason", "As it came"),
                [
                    (
                        chips.chip(one.get_state_display(), *_WAITS[ParkedRow.State(one.state)]),
                        one.name[-60:],
                        chips.link(one, str(one.record)),
                        one.get_reason_display(),
                        chips.clip(one.excerpt),
                    )
                    for one in parked
                ],
                empty="None waits.",
                more=("All of them", list_url(ParkedRow, show="all", names__id__exact=row.pk)),
            ),
        ]


class RowsToSee(StartingFilter):
    title = "show"
    options = {
        "waiting": ("Waiting", lambda now: Q(state=ParkedRow.State.WAITING)),
        "over": ("Settled", lambda now: ~Q(state=ParkedRow.State.WAITING)),
    }


@admin.register(ParkedRow)
class ParkedRowAdmin(Fixed):
    list_display = ("record", "source", "file", "why", "detail", "state_chip", "since")
    list_filter = (
        RowsToSee,
        ("reason", ChoicesDropdownFilter),
        ("source", RelatedDropdownFilter),
        ("names", RelatedDropdownFilter),
    )
    list_select_related = ("source",)
    detail_related = ("source", "payload")
    search_fields = ("name", "detail", "excerpt")
    ordering = ("-pk",)
    empty_text = "No record waits for a name or an event."
    desk_actions = (LOAD,)

    @display(description="File")
    def file(self, row: ParkedRow) -> str:
        return row.name[-60:]

    @display(description="Why", ordering="reason")
    def why(self, row: ParkedRow) -> str:
        return row.get_reason_display()

    @display(description="State", ordering="state")
    def state_chip(self, row: ParkedRow) -> str:
        return chips.chip(row.get_state_display(), *_WAITS[ParkedRow.State(row.state)])

    since = columns.moment("parked_at", "Since")

    def badges(self, row: ParkedRow) -> list[Any]:
        return [self.state_chip(row), chips.origin(is_simulated=row.source.is_simulated)]

    def parts(self, request: HttpRequest, row: ParkedRow) -> list[sections.Section]:
        waits_for = row.names.select_related("source").order_by("name")
        return [
            self.all_facts(row),
            sections.Table(
                "Names that it waits for",
                ("Name", "State", "Records with it"),
                [
                    (chips.link(one, one.name), one.get_state_display(), one.rows)
                    for one in waits_for
                ],
                empty="It waits for an event, not for a name.",
            ),
            sections.Text("As it came", row.excerpt or "The source gives no line of text."),
        ]
