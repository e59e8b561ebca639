"""The admin site's pages of models: what is trained, what serves, what it said."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction, Replay
from models_ml.services import promoting
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, Kept

TRAIN = "models_ml.tasks.train_pipeline"
Stage = ModelVersion.Stage


def train(asked: Asked) -> Done:
    return asking.ask(asked, task=TRAIN, arguments={"pipeline": asked.row.code})


def rollback(asked: Asked) -> Done:
    version = promoting.rollback(
        pipeline_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"Rolled back: {version or 'the previous version'} serves again.")


def promote(asked: Asked) -> Done:
    promoting.promote(
        version_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"{asked.row} serves from now on.")


def rollback_version(asked: Asked) -> Done:
    promoting.rollback(
        pipeline_id=asked.row.pipeline_id, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done("Rolled back: the previous version serves again.")


def _metric(row: ModelVersion, name: str) -> tuple[float | None, float | None]:
    """Return a figure of the model and of the market beside it."""
    model, market = row.metrics.get("model") or {}, row.metrics.get("market") or {}
    return model.get(name), market.get(name)


@admin.register(Pipeline)
class PipelineAdmin(Kept):
    list_display = ("code", "origin", "sport", "market_kind", "feature_set", "serving")
    list_filter = ("is_simulated", "sport", "market_kind")
    list_select_related = ("sport",)
    search_fields = ("code",)
    ordering = ("is_simulated", "code")
    raw_id_fields = ("sport",)
    empty_text = "No pipeline is set up. The first training makes the default ones."
    desk_actions = (
        Action(
            name="train",
            title="Train now",
            permission="models_ml.add_modelversion",
            consequence="A candidate is trained on what is known now. It serves nobody until"
            " somebody promotes it.",
            act=train,
            icon="model_training",
        ),
        Action(
            name="rollback",
            title="Roll back",
            permission="models_ml.change_modelversion",
            consequence="The previous version serves again, and the present one is set aside."
            " Bets that stand stay as they are.",
            act=rollback,
            icon="undo",
            is_dangerous=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Pipeline) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Serving")
    def serving(self, row: Pipeline) -> str:
        serving = [v for v in row.versions.all() if v.stage == Stage.PRODUCTION]
        if not serving:
            return chips.chip("Nothing serves: train and promote", "warn", "warning")
        return chips.link(serving[0], f"v{serving[0].number}")

    def badges(self, row: Pipeline) -> list[Any]:
        return [self.origin(row)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "sport", "market_kind", "is_simulated") if obj else ()

    def parts(self, request: HttpRequest, row: Pipeline) -> list[sections.Section]:
        versions = row.versions.exclude(stage=Stage.REPLAY).order_by("-number")[:20]
        rows = []
        for version in versions:
            ours, market = _metric(version, "log_loss")
            rows.append(
                (
                    chips.state(version.stage, version.get_stage_display()),
                    chips.link(version, f"v{version.number}"),
                    version.trained_at,
                    version.n_rows,
                    ours,
                    market,
                )
            )
        headers = ("Stage", "Version", "Trained", "Rows", "Log loss", "Market's log loss")
        empty = "Nothing is trained yet: press Train now."
        return [sections.Table("Versions", headers, rows, empty=empty)]


class VersionsToSee(StartingFilter):
    title = "show"
    options = {
        "live": ("All but archived and replays", lambda now: ~Q(stage__in=["ARCHIVED", "REPLAY"])),
        "candidates": ("Candidates", lambda now: Q(stage="CANDIDATE")),
        "replays": ("Of replays", lambda now: Q(stage="REPLAY")),
    }


@admin.register(ModelVersion)
class ModelVersionAdmin(Fixed):
    list_display = (
        "name", "stage_chip", "origin", "log_loss", "market_log_loss", "brier", "n_rows",
        "until", "trained",
    )  # fmt: skip
    list_filter = (
        VersionsToSee, ("pipeline", RelatedDropdownFilter), ("stage", ChoicesDropdownFilter),
    )  # fmt: skip
    list_select_related = ("pipeline", "replay__season__competition")
    search_fields = ("pipeline__code", "artefact_sha256")
    ordering = ("-trained_at",)
    detail_related = ("pipeline", "replay__season__competition")
    empty_text = "Nothing is trained yet: open a pipeline and press Train now."
    desk_actions = (
        Action(
            name="promote",
            title="Promote",
            permission="models_ml.change_modelversion",
            consequence=lambda rows: (
                f"{rows[0]} serves every prediction of its pipeline from now on, and strategies"
                " bet on what it says. The version that serves now stays ready for a rollback."
            ),
            act=promote,
            valid=lambda row: row.stage in (Stage.CANDIDATE, Stage.ARCHIVED),
            invalid="{row} serves already, stands ready for a rollback, or belongs to a replay.",
            icon="rocket_launch",
            is_dangerous=True,
        ),
        Action(
            name="rollback",
            title="Roll back",
            permission="models_ml.change_modelversion",
            consequence=lambda rows: f"{rows[0]} is set aside and the previous version serves.",
            act=rollback_version,
            valid=lambda row: row.stage == Stage.PRODUCTION,
            invalid="{row} does not serve, so there is nothing to roll back.",
            icon="undo",
            is_dangerous=True,
        ),
    )

    @display(description="Version", ordering="pipeline")
    def name(self, row: ModelVersion) -> str:
        return f"{row.pipeline.code} v{row.number}"

    stage_chip = columns.state("stage", "Stage")

    @display(description="Origin", ordering="pipeline__is_simulated")
    def origin(self, row: ModelVersion) -> str:
        return chips.origin(
            is_simulated=row.pipeline.is_simulated, is_replay=row.replay_id is not None
        )

    @display(description="Log loss")
    def log_loss(self, row: ModelVersion) -> str:
        return chips.number(_metric(row, "log_loss")[0], 4)

    @display(description="Market's")
    def market_log_loss(self, row: ModelVersion) -> str:
        return chips.number(_metric(row, "log_loss")[1], 4)

    @display(description="Brier (sum)")
    def brier(self, row: ModelVersion) -> str:
        return chips.number(_metric(row, "brier_sum")[0], 4)

    until = columns.moment("trained_until", "Learned until")
    trained = columns.moment("trained_at", "Trained")

    def badges(self, row: ModelVersion) -> list[Any]:
        return [self.stage_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: ModelVersion) -> list[sections.Section]:
        model, market = row.metrics.get("model") or {}, row.metrics.get("market") or {}
        names = [name for name in model if isinstance(model[name], int | float)]
        rows = [(name.replace("_", " "), model[name], market.get(name)) for name in names]
        return [
            sections.Facts(
                "Facts",
                [
                    ("Pipeline", row.pipeline),
                    ("Replay", row.replay),
                    ("Learned from", row.trained_from),
                    ("Learned until", row.trained_until),
                    ("Rows", row.n_rows),
                    ("Seed", str(row.seed)),
                    ("Trained", row.trained_at),
                    ("Promoted", row.promoted_at),
                    ("Code", row.code_version),
                    ("Artefact", row.artefact),
                    ("SHA-256", row.artefact_sha256),
                ],
            ),
            sections.Table(
                "Held against the market", ("Figure", "Model", "Market"), rows, wide=False,
                empty="No figures were kept.",
                note=f"On {row.metrics.get('n', '?')} events it had not seen." if rows else "",
            ),
            sections.Facts("Calibration", list(row.calibration.items()) or [("none", None)]),
            sections.Facts("Parameters", list(row.parameters.items()) or [("none", None)]),
            sections.Text("Features, in the artefact's order", ", ".join(map(str, row.features))),
        ]  # fmt: skip


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
        return [self.all_facts(row)]


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
