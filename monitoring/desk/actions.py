"""What an operator may do from a page: asked for with its consequence, a count and a reason.

An ``Action`` names its permission, says what will happen, and calls one service.  The pages in
``monitoring.desk.pages`` offer it where it is valid, ask for confirmation, and POST it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Model
from unfold.widgets import UnfoldAdminTextareaWidget


@dataclass(frozen=True, slots=True)
class Asked:
    """A confirmed action: on which rows, with which answers, by whom, when."""

    rows: Sequence[Any]
    values: Mapping[str, Any]
    user: Any
    actor: str
    now: datetime

    @property
    def row(self) -> Any:
        return self.rows[0]

    @property
    def reason(self) -> str:
        return str(self.values["reason"])


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in words, and the page to look at next."""

    text: str
    url: str = ""
    secret: str = ""  # shown on the answer itself, once; kept nowhere


class ReasonForm(forms.Form):
    """Ask why; the answer goes into the audit."""

    reason = forms.CharField(
        max_length=250,
        strip=True,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "maxlength": 250}),
        help_text="Required. It is kept in the audit.",
    )

    def __init__(self, *args: Any, rows: Sequence[Model] = (), **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(*args, **kwargs)

    def clean_reason(self) -> str:
        reason = self.cleaned_data["reason"]
        if "\x00" in reason:
            raise forms.ValidationError("A reason is plain text.")
        return str(reason)


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that may be done to a row, to several rows, or to the whole table.

    ``on``: "row" (its page), "rows" (ticked in the list), "table" (above the list).
    """

    name: str
    title: str
    permission: str
    consequence: Callable[[Sequence[Any]], str] | str
    act: Callable[[Asked], Done]
    form: type[ReasonForm] = ReasonForm
    valid: Callable[[Any], bool] = _always
    invalid: str = "This cannot be done to {row} now."
    icon: str = "play_arrow"
    is_dangerous: bool = False
    on: frozenset[str] = field(default_factory=lambda: frozenset({"row"}))

    def consequence_for(self, rows: Sequence[Any]) -> str:
        return self.consequence if isinstance(self.consequence, str) else self.consequence(rows)


BOTH = frozenset({"row", "rows"})


def switches(
    *,
    permission: str,
    is_on: Callable[[Any], bool],
    enable: Callable[[Asked], Done],
    disable: Callable[[Asked], Done],
    then_on: str,
    then_off: str,
) -> tuple[Action, Action]:
    """Return the two actions that switch rows on and off, each offered where it changes them."""
    return (
        Action(
            name="enable",
            title="Enable",
            permission=permission,
            consequence=then_on,
            act=enable,
            valid=lambda row: not is_on(row),
            invalid="{row} is enabled already.",
            icon="toggle_on",
            on=BOTH,
        ),
        Action(
            name="disable",
            title="Disable",
            permission=permission,
            consequence=then_off,
            act=disable,
            valid=is_on,
            invalid="{row} is disabled already.",
            icon="toggle_off",
            is_dangerous=True,
            on=BOTH,
        ),
    )


_OFFERED: dict[type[Model], tuple[Action, ...]] = {}


def offer(model: type[Model], *actions: Action) -> None:
    """Put actions onto the page of a table of a room below, which knows nothing of them."""
    _OFFERED[model] = (*_OFFERED.get(model, ()), *actions)


def offered_on(model: type[Model]) -> tuple[Action, ...]:
    """Return what other rooms put onto a table's page."""
    return _OFFERED.get(model, ())
