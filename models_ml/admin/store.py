"""The files that facts and features are kept in, and the runs that filled them."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import EtlRun, StoreFile
from models_ml.services import etl
from monitoring.desk import asking, chips, columns
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import list_url

FILL = "models_ml.tasks.run_etl"
VERIFY = "models_ml.tasks.verify_store"
TABLE = frozenset({"table"})


def fill(asked: Asked) -> Done:
    return asking.ask(asked, task=FILL)


def rebuild(asked: Asked) -> Done:
    return asking.ask(asked, task=FILL, arguments={"rebuild": True})


def verify(asked: Asked) -> Done:
    return asking.ask(asked, task=VERIFY)


def repair(asked: Asked) -> Done:
    row = etl.repair(part=asked.row.part, now=asked.now, actor=asked.actor)
    return Done(
        f"{asked.row.part} is made anew: {row.rows if row else 0} rows.", list_url(StoreFile)
    )


class FilesToSee(StartingFilter):
    title = "show"
    options = {"bad": ("Damaged or stale", lambda now: ~Q(state="GOOD"))}


@admin.register(StoreFile)
class StoreFileAdmin(Shown):
    list_display = ("part", "origin", "state_chip", "rows", "size", "written", "verified")
    list_filter = (
        FilesToSee, ("kind", ChoicesDropdownFilter), ("sport", RelatedDropdownFilter),
        "is_simulated",
    )  # fmt: skip
    list_select_related = ("sport",)
    search_fields = ("part", "sha256")
    ordering = ("part",)
    detail_related = ("sport", "competition", "season__competition")
    empty_text = "Every file of the store is what was written."
    desk_actions = (
        Action(
            name="verify",
            title="Verify all",
            permission="models_ml.add_etlrun",
            consequence="Every file is hashed anew. What is damaged is marked and read by nobody.",
            act=verify,
            icon="verified",
            on=TABLE,
        ),
        Action(
            name="repair",
            title="Repair",
            permission="models_ml.add_etlrun",
            consequence="The part is made anew from the tables, in place. Where the tables hold"
            " less than it did, nothing is changed.",
            act=repair,
            valid=lambda row: row.state != StoreFile.State.GOOD,
            invalid="{row} is what was written.",
            icon="build",
        ),
    )

    state_chip = columns.state("state")
    written = columns.moment("written_at", "Written")
    verified = columns.moment("verified_at", "Verified")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: StoreFile) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Bytes", ordering="bytes")
    def size(self, row: StoreFile) -> str:
        return chips.number(row.bytes)

    def badges(self, row: StoreFile) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]


@admin.register(EtlRun)
class EtlRunAdmin(Shown):
    list_display = (
        "sport", "origin", "began", "took", "new_results", "new_quotes", "rows_computed",
        "rows_kept", "differences",
    )  # fmt: skip
    list_filter = (("sport", RelatedDropdownFilter), "is_simulated", "is_rebuild")
    list_select_related = ("sport",)
    search_fields = ("sport__name",)
    ordering = ("-began_at", "-pk")
    detail_related = ("sport",)
    figures = (("figures", "Figures"),)
    empty_text = "The store was not filled yet: press Fill now."
    desk_actions = (
        Action(
            name="fill",
            title="Fill now",
            permission="models_ml.add_etlrun",
            consequence="What is new in the tables is added to the store.",
            act=fill,
            icon="play_arrow",
            on=TABLE,
        ),
        Action(
            name="rebuild",
            title="Rebuild",
            permission="models_ml.add_etlrun",
            consequence="Everything the store holds is held against the tables; what differs is"
            " counted and written anew.",
            act=rebuild,
            icon="restart_alt",
            on=TABLE,
        ),
    )

    began = columns.moment("began_at", "Began")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: EtlRun) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Took", ordering="seconds")
    def took(self, row: EtlRun) -> str:
        return chips.duration(row.seconds)

    def badges(self, row: EtlRun) -> list[Any]:
        return [self.origin(row)]
