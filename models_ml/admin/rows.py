"""What was known of events, what was said on them, and seasons lived again."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from models_ml import queries
from models_ml.models import FeatureRow, Prediction, Replay
from monitoring.desk import chips, columns, sections
from monitoring.desk.pages import Fixed


@admin.register(Prediction)
class PredictionAdmin(Fixed):
    list_display = (
        "about", "origin", "ours", "market", "difference", "version", "stage", "known",
    )  # fmt: skip
    list_filter = (
        ("version__pipeline", RelatedDropdownFilter),
        "version__pipeline__is_simulated",
        "feature_row__stage",
    )
    list_select_related = (
        "selection", "event__competition", "version__pipeline", "feature_row",
    )  # fmt: skip
    search_fields = ("event__name",)
    ordering = ("-made_at",)
    detail_related = (
        "selection__market", "event__competition", "version__pipeline", "feature_row__event",
    )  # fmt: skip
    empty_text = "No prediction yet: a model version must serve, and an event must be near."

    @display(description="Selection")
    def about(self, row: Prediction) -> str:
        return chips.two_lines(row.selection, chips.link(row.event))

    @display(description="Stage")
    def stage(self, row: Prediction) -> str:
        return row.feature_row.stage

    @display(description="Origin")
    def origin(self, row: Prediction) -> str:
        if row.feature_row.rehearsal_id is not None:
            return chips.state("REPLAY", "Rehearsal")
        return chips.origin(
            is_simulated=row.event.competition.is_simulated,
            is_replay=row.version.replay_id is not None,
        )

    @display(description="Model", ordering="probability")
    def ours(self, row: Prediction) -> str:
        return chips.percent(row.probability)

    @display(description="Market", ordering="market_probability")
    def market(self, row: Prediction) -> str:
        return chips.percent(row.market_probability)

    @display(description="Difference")
    def difference(self, row: Prediction) -> str:
        if row.market_probability is None:
            return chips.NOTHING
        return chips.percent(row.probability - row.market_probability, signed=True)

    known = columns.moment("as_of", "As of")

    def badges(self, row: Prediction) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: Prediction) -> list[sections.Section]:
        return [self.all_facts(row), served_by(row)]


def served_by(row: Prediction) -> sections.Facts:
    """Return which version said it, in which period of service, and what serves now."""
    version, pipeline = row.version, row.version.pipeline
    period = queries.served_at(pipeline=pipeline, at=row.made_at)
    if period is not None and period.version_id != version.pk:
        period = None  # another one served: it was asked for a replay, a rehearsal or a trial
    stands = queries.serving_versions().filter(pipeline=pipeline, stage="PRODUCTION").first()
    now = stands if stands is not None and stands.pk != version.pk else None
    return sections.Facts(
        "Served by",
        [
            ("Version", version),
            ("It is", chips.state(version.stage, version.get_stage_display())),
            ("Served then", "no" if period is None else chips.link(period)),
            ("How it came to serve", period.get_how_display() if period else None),
            ("By", period.actor if period else None),
            ("Learned until", version.trained_until),
            ("Serves now", now or ("this version" if stands else "nothing")),
            ("Artefact's SHA-256", version.artefact_sha256),
        ],
    )


@admin.register(FeatureRow)
class FeatureRowAdmin(Fixed):
    list_display = ("number", "event", "origin", "feature_set", "stage", "known", "made")
    list_filter = ("stage", "feature_set", "event__competition__is_simulated")
    list_select_related = ("event__competition",)
    search_fields = ("event__name",)
    ordering = ("-pk",)
    detail_related = ("event__competition", "replay__season__competition")
    empty_text = "Rows are made when an event comes near: a stage opens 24 hours before it."

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave the numbers in the database where a list shows none of them."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "models_ml_featurerow_changelist"
        return rows.defer("values") if is_list else rows

    number = columns.number("Row")

    @display(description="Origin")
    def origin(self, row: FeatureRow) -> str:
        if row.rehearsal_id is not None:
            return chips.state("REPLAY", "Rehearsal")
        return chips.origin(
            is_simulated=row.event.competition.is_simulated, is_replay=row.replay_id is not None
        )

    known = columns.moment("as_of", "As of")
    made = columns.moment("made_at", "Made")

    def badges(self, row: FeatureRow) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: FeatureRow) -> list[sections.Section]:
        names = _names(row)
        values = [
            (names[i] if i < len(names) else f"#{i}", value) for i, value in enumerate(row.values)
        ]
        return [self.all_facts(row), sections.Facts("Values", values)]


def _names(row: FeatureRow) -> list[str]:
    """Return the feature names, from a version that learned on this set."""
    prediction = row.predictions.select_related("version").first()
    return [str(name) for name in prediction.version.features] if prediction else []


@admin.register(Replay)
class ReplayAdmin(Fixed):
    list_display = ("number", "season", "seed", "actor", "state_chip", "started", "figures_line")
    list_select_related = ("season__competition",)
    list_filter = (("competition", RelatedDropdownFilter),)
    search_fields = ("competition__name", "season__label", "actor")
    ordering = ("-pk",)
    detail_related = ("season__competition", "competition")
    empty_text = "No season was replayed yet: Jobs → Replay a season."

    number = columns.number("Replay")

    @display(description="State")
    def state_chip(self, row: Replay) -> str:
        if row.finished_at is None:
            return chips.state("RUNNING", "Under way")
        return chips.state("SUCCEEDED", "Done") if row.figures else chips.state("FAILED", "Ended")

    started = columns.moment("started_at", "Started")

    @display(description="Figures")
    def figures_line(self, row: Replay) -> str:
        figures = row.figures or {}
        named = [name for name in ("bets", "profit", "yield", "clv") if name in figures]
        return ", ".join(f"{name} {figures[name]}" for name in named) or "–"

    def badges(self, row: Replay) -> list[Any]:
        return [chips.state("REPLAY", "Replay"), self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Replay) -> list[sections.Section]:
        return [
            self.all_facts(row),
            sections.Facts("Figures", list((row.figures or {}).items()) or [("none", None)]),
        ]
