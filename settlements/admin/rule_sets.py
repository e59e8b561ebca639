"""Rule sets: each version beside the one before; the next one; whose bets they pay."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AllValuesCheckboxFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from markets.models import Book, Market, Sport
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, list_url, row_url
from settlements.domain import rule_choice
from settlements.domain.terms import Terms
from settlements.models import RuleSet, RuleUse
from settlements.services import rule_sets


class _Indented(json.JSONEncoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "indent": 2})


class VersionForm(ReasonForm):
    """Ask for the terms of the next version."""

    terms = forms.JSONField(
        encoder=_Indented,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 18, "spellcheck": "false"}),
        help_text="The terms that differ from the usual ones: docs/settlement.md has them all.",
    )
    since = forms.DateTimeField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-05-01 00:00"}),
        help_text="UTC. It pays bets struck from then on; from now on where nothing is said.",
    )
    field_order: tuple[str, ...] = ("terms", "since", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.rows[0] if self.rows else None
        self.initial.setdefault("terms", row.terms if isinstance(row, RuleSet) else {})


class NewForm(VersionForm):
    """Ask for a name as well."""

    code = forms.SlugField(max_length=40, widget=UnfoldAdminTextInputWidget())
    field_order = ("code", "terms", "since", "reason")


class UseForm(ReasonForm):
    """Ask which rule set pays whose bets."""

    code = forms.ChoiceField(label="Rule set", widget=UnfoldAdminSelectWidget())
    book = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    sport = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    market_kind = forms.ChoiceField(
        label="Market", required=False, widget=UnfoldAdminSelectWidget(),
        choices=[("", "Every one"), *Market.Kind.choices],
    )  # fmt: skip
    field_order = ("code", "book", "sport", "market_kind", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = RuleSet.objects.order_by("code").values_list("code", flat=True).distinct()
        fields: Any = self.fields
        fields["code"].choices = [(code, code) for code in codes]
        for name, model in (("book", Book), ("sport", Sport)):
            rows: QuerySet[Any] = model.objects.order_by("name")
            named = [(row.code, row.name) for row in rows]
            fields[name].choices = [("", "Every one"), *named]


def make(asked: Asked) -> Done:
    row = rule_sets.make_version(
        code=asked.values.get("code") or asked.row.code, terms=asked.values["terms"] or {},
        since=asked.values["since"], reason=asked.reason, actor=asked.actor, now=asked.now,
    )  # fmt: skip
    return Done(f"Made: {row}.", row_url(row))


def use(asked: Asked) -> Done:
    named = {name: asked.values[name] for name in ("code", "book", "sport", "market_kind")}
    row = rule_sets.set_use(**named, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"Set: {row}.", row_url(row))


def drop(asked: Asked) -> Done:
    for row in asked.rows:
        rule_sets.drop_use(use_id=row.pk, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"Taken back: {len(asked.rows)}.", list_url(RuleUse))


@admin.register(RuleSet)
class RuleSetAdmin(Fixed):
    list_display = ("code", "version", "otherwise", "since_when", "made_by", "reason")
    list_filter = (("code", AllValuesCheckboxFilter),)
    search_fields = ("code", "reason", "made_by")
    ordering = ("code", "-version")
    empty_text = "No rule set is written. `manage.py prepare` writes those that are shipped."
    desk_actions = (
        Action(
            name="new",
            title="New…",
            permission="settlements.add_ruleset",
            consequence="A rule set of this name is there, and pays nobody until it is put to use.",
            act=make,
            form=NewForm,
            icon="add",
            on=frozenset({"table"}),
        ),
        Action(
            name="next",
            title="Next version…",
            permission="settlements.add_ruleset",
            consequence="Bets struck from then on are paid by it. What was settled stays as it is.",
            act=make,
            form=VersionForm,
            icon="edit",
        ),
    )
    since_when = columns.moment("since", "Since")

    @display(description="Otherwise than usual")
    def otherwise(self, row: RuleSet) -> str:
        found = rule_choice.differences(Terms(), rule_sets.read(row).terms)
        return ", ".join(f"{term} {shown(value)}" for term, _, value in found) or "Nothing"

    def parts(self, request: HttpRequest, row: RuleSet) -> list[sections.Section]:
        terms, before = rule_sets.read(row).terms, rule_sets.earlier(row)
        was = rule_sets.read(before).terms if before else Terms()
        against = f"v{before.version}" if before else "Usual"
        return [
            self.all_facts(row),
            sections.Table(
                f"What differs from {'the version before' if before else 'the usual terms'}",
                ("Term", against, f"v{row.version}"),
                [
                    (term, shown(old), shown(new))
                    for term, old, new in rule_choice.differences(was, terms)
                ],
                empty="Nothing.",
            ),
            sections.Table(
                "Every term", ("Term", "Value", "Usual"),
                [
                    (term, shown(value), shown(usual))
                    for (term, value), usual in zip(
                        rule_choice.flat(terms).items(), rule_choice.flat(Terms()).values(),
                        strict=True,
                    )
                ],
            ),
        ]  # fmt: skip


@admin.register(RuleUse)
class RuleUseAdmin(Fixed):
    list_display = ("where", "code", "changed_by", "changed", "reason")
    list_select_related = ("book", "sport")
    detail_related = ("book", "sport")
    search_fields = ("code", "book__code", "sport__code", "reason")
    ordering = ("book__code", "sport__code", "-market_kind", "pk")
    empty_text = "No rule set is put to use: every bet is paid by the usual rules."
    changed = columns.moment("changed_at", "Changed")
    desk_actions = (
        Action(
            name="use",
            title="Set…",
            permission="settlements.change_ruleuse",
            consequence="Bets of these markets that are settled for the first time from now on are"
            " paid by it. What was settled keeps its rules.",
            act=use,
            form=UseForm,
            icon="add",
            on=frozenset({"table"}),
        ),
        Action(
            name="drop",
            title="Take back…",
            permission="settlements.change_ruleuse",
            consequence="What is less specific counts again, the usual rules where nothing is.",
            act=drop,
            form=ReasonForm,
            icon="undo",
            is_dangerous=True,
        ),
    )

    @display(description="Whose bets")
    def where(self, row: RuleUse) -> str:
        parts = (row.book, row.sport, row.market_kind and row.get_market_kind_display())
        return chips.two_lines(", ".join(str(p) for p in parts if p) or "Every bet", "")


def shown(value: Any) -> str:
    """Return a term's value as a person reads it."""
    if value is None:
        return "None"
    if isinstance(value, list):
        return "; ".join(
            ", ".join(f"{k} {v}" for k, v in one.items() if v is not None) for one in value
        ) or "None"  # fmt: skip
    return str(value)
