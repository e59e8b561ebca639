"""Who starts: what is known of the players that markets ask for, and telling it by hand."""

from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from markets.domain import lineups as words
from markets.models import Event
from markets.queries import starting
from markets.services import lineups
from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm


class LineUpForm(ReasonForm):
    """Who, and whether he starts."""

    player = forms.TypedChoiceField(coerce=int, widget=UnfoldAdminSelectWidget())
    status = forms.ChoiceField(
        choices=[(word, word.capitalize()) for word in words.STATUSES],
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("player", "status", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        players = [
            (player.pk, str(player))
            for row in self.rows
            for player in starting.players_asked_for(event_id=row.pk)
        ]
        self.fields["player"].choices = players  # type: ignore[attr-defined]


def _tell(asked: Asked) -> Done:
    notice = lineups.tell(
        event_id=asked.row.pk,
        participant_id=asked.values["player"],
        status=asked.values["status"],
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{notice} is known from now on.")


def _has_begun(row: Event) -> bool:
    return min(row.starts_at, row.started_at or row.starts_at) <= timezone.now()


TELL = Action(
    name="tell-line-up",
    title="Tell who starts…",
    permission="markets.add_notice",
    consequence="It counts from now on, for bets on the player and for what models know of him,"
    " until somebody tells otherwise. What was decided stays.",
    act=_tell,
    form=LineUpForm,
    icon="how_to_reg",
    valid=lambda row: not _has_begun(row) and bool(starting.players_asked_for(event_id=row.pk)),
    invalid="{row} has begun, or no market asks for one of its players.",
)


def parts(row: Event) -> list[sections.Section]:
    """Show what is known of each player that a market asks for; nothing where none does."""
    players = starting.players_asked_for(event_id=row.pk)
    if not players:
        return []
    found = starting.starters(asked=[(row.pk, one.pk) for one in players], as_of=timezone.now())
    told = {one["participant_id"]: one for one in found.to_dict("records")}
    rows = [(str(player), *_told(told.get(player.pk))) for player in players]
    return [sections.Table("Who starts", ("Player", "Starts", "Known since", "Told by"), rows)]


def _told(row: dict[Any, Any] | None) -> tuple[Any, Any, Any]:
    if row is None:
        return chips.chip("Not known", "idle"), chips.NOTHING, chips.NOTHING
    starts = chips.yes_no(row["starts"], yes="Starts", no="Does not start")
    return starts, chips.when(row["known_at"]), row["source"]
