"""Sports, competitions, seasons, participants, aliases, books: what the rest refers to."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from markets.models import Book, Competition, Participant, ParticipantAlias, Season, Sport
from markets.services import steering_leagues, switching
from monitoring.desk import chips
from monitoring.desk.actions import Action, Asked, Done, switches
from monitoring.desk.pages import Kept


@admin.register(Sport)
class SportAdmin(Kept):
    list_display = ("name", "code")
    search_fields = ("name", "code")
    ordering = ("name",)
    empty_text = "Sports come with the first source that is read."


def stop_league(asked: Asked) -> Done:
    found = steering_leagues.stop(
        code=asked.row.code, reason=asked.reason, actor=asked.actor, now=asked.now
    )
    return Done(f"{asked.row} stands still; {found['cancelled']} events are cancelled.")


def resume_league(asked: Asked) -> Done:
    steering_leagues.resume(
        code=asked.row.code, reason=asked.reason, actor=asked.actor, now=asked.now
    )
    return Done(f"{asked.row} plays on with its next season.")


def _stands(state: str) -> Any:
    return lambda row: row.is_simulated and steering_leagues.state_of(code=row.code) == state


@admin.register(Competition)
class CompetitionAdmin(Kept):
    list_display = ("name", "code", "sport", "country", "time_zone", "origin", "pace")
    list_filter = ("is_simulated", "sport", "country")
    list_select_related = ("sport",)
    search_fields = ("name", "code")
    ordering = ("is_simulated", "name")
    raw_id_fields = ("sport",)
    desk_actions = (
        Action(
            name="stop-league",
            title="Stop the league…",
            permission="markets.change_source",
            consequence="It stands still from now on. Whatever it has not played is cancelled, and"
            " bets on it are given back.",
            act=stop_league,
            valid=_stands("PLAYING"),
            invalid="{row} is no simulated league that plays and can be stopped.",
            icon="stop_circle",
            is_dangerous=True,
        ),
        Action(
            name="resume-league",
            title="Let the league play on",
            permission="markets.change_source",
            consequence="Its next season is laid from now on.",
            act=resume_league,
            valid=_stands("STOPPED"),
            invalid="{row} is not stopped.",
            icon="play_circle",
        ),
    )
    empty_text = "Competitions come with the first source that is read: Sources → Ingest now."

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Competition) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Calendar")
    def pace(self, row: Competition) -> str:
        return "real time" if row.time_scale == 1 else f"{row.time_scale:g} × as fast"

    def badges(self, row: Competition) -> list[Any]:
        return [self.origin(row)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Hold what was real real: rows made under one mark never change it."""
        return ("sport", "code", "is_simulated") if obj else ()


@admin.register(Season)
class SeasonAdmin(Kept):
    list_display = ("label", "competition", "origin")
    list_filter = ("competition__is_simulated", ("competition", RelatedDropdownFilter))
    list_select_related = ("competition",)
    search_fields = ("label", "competition__name", "competition__code")
    ordering = ("-label", "competition")
    autocomplete_fields = ("competition",)

    @display(description="Origin", ordering="competition__is_simulated")
    def origin(self, row: Season) -> str:
        return chips.origin(is_simulated=row.competition.is_simulated)


@admin.register(Participant)
class ParticipantAdmin(Kept):
    list_display = ("name", "sport")
    list_filter = ("sport",)
    list_select_related = ("sport",)
    search_fields = ("name",)
    ordering = ("name",)
    raw_id_fields = ("sport",)


@admin.register(ParticipantAlias)
class ParticipantAliasAdmin(Kept):
    list_display = ("alias", "participant", "source", "sport")
    list_filter = (("source", RelatedDropdownFilter), "sport")
    list_select_related = ("participant", "source", "sport")
    search_fields = ("alias", "participant__name")
    ordering = ("alias",)
    autocomplete_fields = ("participant", "source")
    raw_id_fields = ("sport",)
    empty_text = "An alias says what one source calls a participant. Sources that bring their own"
    " names need none."


def enable_books(asked: Asked) -> Done:
    return _switched(asked, switching.enable_book, "Enabled")


def disable_books(asked: Asked) -> Done:
    return _switched(asked, switching.disable_book, "Disabled")


def _switched(asked: Asked, switch: Callable[..., Book], what: str) -> Done:
    for row in asked.rows:
        switch(book_code=row.code, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"{what} {len(asked.rows)}.")


@admin.register(Book)
class BookAdmin(Kept):
    list_display = ("name", "code", "kind", "enabled", "reference_rank", "origin")
    list_filter = ("is_enabled", "kind", "is_simulated")
    search_fields = ("name", "code")
    ordering = ("is_simulated", "reference_rank", "name")
    empty_text = "Books come with the first prices that are read."
    desk_actions = switches(
        permission="markets.change_book",
        is_on=lambda row: row.is_enabled,
        enable=enable_books,
        disable=disable_books,
        then_on="Bets are taken with it, and its prices are believed again.",
        then_off="No bet is taken with it, and it is no part of the market's belief. Its prices are"
        " kept as history.",
    )

    @display(description="Bets taken", ordering="is_enabled")
    def enabled(self, row: Book) -> str:
        if row.kind not in Book.TAKES_BETS:
            return chips.chip(f"Never: {row.get_kind_display().lower()}", "idle", "functions")
        why = f"Disabled: {row.disabled_reason[:40]}" if row.disabled_reason else "Disabled"
        return chips.yes_no(row.is_enabled, yes="Enabled", no=why)

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Book) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    def badges(self, row: Book) -> list[Any]:
        return [self.origin(row)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Switching has buttons of its own: they ask for the reason."""
        return ("code", "is_simulated", "is_enabled", "disabled_reason") if obj else ()
