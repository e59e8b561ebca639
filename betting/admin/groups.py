"""Groups of participants: conferences, divisions and those of ours; who is in them since when."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from betting.models import GroupMember, ParticipantGroup
from betting.services import grouping
from markets.models import Sport
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url

PERMISSION = "betting.change_participantgroup"


def _day(**options: Any) -> forms.DateField:
    return forms.DateField(widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), **options)


class SetForm(ReasonForm):
    """Ask for a group, and how much a bet beside another one in it counts."""

    sport = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    kind = forms.ChoiceField(
        choices=ParticipantGroup.Kind.choices, widget=UnfoldAdminSelectWidget()
    )
    name = forms.CharField(max_length=80, widget=UnfoldAdminTextInputWidget())
    discount = forms.FloatField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="The factor on a stake beside an open bet that shares it; empty: .85 for a"
        " division, .9 for others.",
    )
    field_order = ("sport", "kind", "name", "discount", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["sport"].choices = Sport.objects.order_by("name").values_list("code", "name")


class MembersForm(ReasonForm):
    """Ask who it is about, by name."""

    participants = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}), help_text="One name a line."
    )


class JoinForm(MembersForm):
    """Ask who joins, and from which day on."""

    since = _day(required=False, help_text="The season's first day; empty: they always did.")
    field_order = ("participants", "since", "reason")


class LeaveForm(MembersForm):
    """Ask who leaves, and from which day on."""

    until = _day(help_text="The first day without them.")
    field_order = ("participants", "until", "reason")


def _by(asked: Asked) -> dict[str, Any]:
    return {"actor": asked.actor, "reason": asked.reason, "now": asked.now}


def set_group(asked: Asked) -> Done:
    named = {name: asked.values[name] for name in ("sport", "kind", "name", "discount")}
    group = grouping.set_group(**named, **_by(asked))
    return Done(f"Set: {group}.", row_url(group))


def join(asked: Asked) -> Done:
    names = asked.values["participants"].splitlines()
    made = grouping.add_members(
        group_id=asked.row.pk, participants=names, since=asked.values["since"], **_by(asked)
    )
    return Done(f"{len(made)} joined {asked.row}.", row_url(asked.row))


def leave(asked: Asked) -> Done:
    names = asked.values["participants"].splitlines()
    left = grouping.end_members(
        group_id=asked.row.pk, participants=names, until=asked.values["until"], **_by(asked)
    )
    return Done(f"{left} left {asked.row}.", row_url(asked.row))


@admin.register(ParticipantGroup)
class ParticipantGroupAdmin(Fixed):
    list_display = ("name", "kind_chip", "sport", "n_members", "discount", "changed_by", "changed")
    list_filter = (("kind", ChoicesDropdownFilter), ("sport", RelatedDropdownFilter))
    list_select_related = ("sport",)
    detail_related = ("sport",)
    search_fields = ("name", "members__participant__name")
    ordering = ("sport__name", "kind", "name")
    empty_text = (
        "No group yet. No source tells conferences or divisions: set one, and let its sides join."
    )
    changed = columns.moment("changed_at", "Changed")
    desk_actions = (
        Action(
            name="set",
            title="Set…",
            permission=PERMISSION,
            consequence="A group of this sport, kind and name is made, or its discount changed."
            " Limits on its kind count bets on its sides together from now on.",
            act=set_group,
            form=SetForm,
            icon="add",
            on=frozenset({"table"}),
        ),
        Action(
            name="join",
            title="Join…",
            permission=PERMISSION,
            consequence="Open bets on them count towards the group's limits at once. Bets that"
            " stand stay.",
            act=join,
            form=JoinForm,
            icon="group_add",
        ),
        Action(
            name="leave",
            title="Leave…",
            permission=PERMISSION,
            consequence="From that day on bets on them count towards the group no more.",
            act=leave,
            form=LeaveForm,
            icon="group_remove",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.annotate(n=Count("members", filter=Q(members__until=None), distinct=True))

    kind_chip = columns.state("kind", "Kind")

    @display(description="Members", ordering="n")
    def n_members(self, row: Any) -> int:
        return int(row.n)

    def badges(self, row: ParticipantGroup) -> list[Any]:
        return [self.kind_chip(row)]

    def parts(self, request: HttpRequest, row: Any) -> list[sections.Section]:
        members = row.members.select_related("participant").order_by("-until", "participant__name")
        return [
            self.all_facts(row),
            sections.Table(
                "Members",
                ("Participant", "Since", "Until"),
                [
                    (chips.link(one.participant), one.since or "always", one.until or "now")
                    for one in members[:500]
                ],
                empty="Nobody is in it: Join… lets sides belong to it.",
            ),
        ]


@admin.register(GroupMember)
class GroupMemberAdmin(Fixed):
    list_display = ("participant", "group", "since", "until")
    list_filter = (("group", RelatedDropdownFilter),)
    list_select_related = ("participant", "group")
    detail_related = ("participant", "group")
    search_fields = ("participant__name", "group__name")
    ordering = ("participant__name", "pk")
    empty_text = "Nobody is in a group yet: a group's page lets sides join it."
