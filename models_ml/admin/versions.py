"""Trained versions: how good they are, what they learned from, which of them serves."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from models_ml.admin import calibrations, compare, scorecards
from models_ml.domain import tables
from models_ml.models import Evaluation, ModelVersion
from models_ml.services import drawing, promoting, proposing
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url

Stage = ModelVersion.Stage
SHOWN = 10  # periods and evaluations of a version
LOSSES = ("model", "market", "close")


class PromoteForm(ReasonForm):
    """Say why now, where the change window is shut."""

    override = forms.CharField(
        required=False,
        max_length=250,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Only outside the change window of a real pipeline: why it cannot wait.",
    )
    field_order = ("reason", "override")


def promote(asked: Asked) -> Done:
    promoting.promote(
        version_id=asked.row.pk,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
        override=asked.values["override"],
    )
    return Done(f"{asked.row} serves from now on.")


def propose(asked: Asked) -> Done:
    proposal = proposing.propose(
        version_id=asked.row.pk,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
        user_id=asked.user.pk,
    )
    url = reverse("admin:models_ml_proposal_change", args=[proposal.pk])
    return Done(f"{asked.row} is proposed: two people decide.", url=url)


def rollback_version(asked: Asked) -> Done:
    promoting.rollback(
        pipeline_id=asked.row.pipeline_id, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done("Rolled back: the previous version serves again.")


def metric(row: ModelVersion, name: str) -> tuple[float | None, float | None]:
    """Return a figure of the model and of the market beside it."""
    model, market = row.metrics.get("model") or {}, row.metrics.get("market") or {}
    return model.get(name), market.get(name)


def on_its_test_part(row: ModelVersion) -> list[sections.Section]:
    """Return everybody's scores on the events that it had not seen when it was trained."""
    shown = tables.forecasters(row.metrics)
    test = (row.metrics.get("parts") or {}).get("test") or {}
    span = f", from {test['from'][:10]} to {test['to'][:10]}" if test.get("from") else ""
    n = row.metrics.get("n_all") or row.metrics.get("n") or "?"
    beside = scorecards.forecasters(
        [(name, {"n": row.metrics.get("n"), **card}) for name, card in shown],
        title="Beside the market, the close and plain methods",
        note=f"On its test part: {n} rows it had not seen{span}. {scorecards.UNDERNEATH}",
        empty="No figures were kept.",
    )
    gaps = tables.differences(row.metrics)
    return [beside, scorecards.differences(gaps)] if gaps else [beside]


def kept_evaluations(row: ModelVersion) -> list[sections.Section]:
    """Return what later events said of it, newest first."""
    rows = [
        (
            chips.link(kept, f"#{kept.pk}"),
            kept.get_kind_display(),
            f"{kept.since:%Y-%m-%d}",
            f"{kept.until:%Y-%m-%d}",
            kept.n,
            *(_log_loss(kept, name) for name in LOSSES),
        )
        for kept in row.evaluations.order_by("-at")[:SHOWN]
    ]
    if not rows:
        return []
    headers = ("Evaluation", "Kind", "From", "Until", "Rows", *(n.capitalize() for n in LOSSES))
    more = ("All its evaluations", list_url(Evaluation, q=row.pipeline.code))
    title = "Log loss on later events"
    return [sections.Table(title, headers, rows, note=scorecards.UNDERNEATH, more=more)]


def _log_loss(kept: Evaluation, name: str) -> str:
    """Return a forecaster's log loss over its interval; of lines the close's is of its own."""
    card = kept.figures.get(name) or (kept.figures.get("at_close") or {}).get(name)
    return scorecards.over(tables.with_interval(card, "log_loss"))


def when_it_served(row: ModelVersion) -> list[sections.Section]:
    """Return the periods in which it served."""
    rows = [
        (chips.link(period, period.get_how_display()), period.since, period.until, period.actor)
        for period in row.periods.order_by("-since")[:SHOWN]
    ]
    headers = ("How", "Since", "Until", "By")
    empty = "It has never served."
    return [sections.Table("When it served", headers, rows, empty=empty, wide=False)]


def parameters(row: ModelVersion) -> sections.Section:
    """Return what it was trained with; what has parts of its own is folded away."""
    items = [
        (name, chips.folded("Show", value) if isinstance(value, dict | list) else value)
        for name, value in sorted(row.parameters.items())
    ]
    return sections.Facts("Parameters", items or [("none", None)])


def what_moved(row: ModelVersion) -> list[sections.Section]:
    """Return the picture of what each feature added on the test part, with its table."""
    features = row.plots.get("contributions") or []
    if not features:
        return []
    title, gains = "What moved it", row.metrics.get("gain") or {}
    table = sections.Table(
        "Mean contribution of each feature",
        ("Feature", "Mean, without sign", "Share of the trees' gain"),
        [
            (feature["name"], feature["mean_abs"], gains.get(feature["name"]))
            for feature in features
        ],
        note="The mean in the units of the logit, of the mean, or of its logarithm; the gain"
        " is what all splits on the feature won while it was trained.",
    )
    picture = mark_safe(drawing.shap_svg(features=features, title=title))
    return [sections.drawn(title, picture, table)]


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
        "name", "stage_chip", "origin", "log_loss", "market_log_loss", "brier", "rows",
        "until", "trained",
    )  # fmt: skip
    list_filter = (
        VersionsToSee, ("pipeline", RelatedDropdownFilter), ("stage", ChoicesDropdownFilter),
    )  # fmt: skip
    list_select_related = ("pipeline", "replay__season__competition")
    search_fields = ("pipeline__code", "artefact_sha256")
    ordering = ("-trained_at",)
    detail_related = ("pipeline", "replay__season__competition", "search__pipeline")
    empty_text = "Nothing is trained yet: open a pipeline and press Train now."
    desk_actions = (
        Action(
            name="propose",
            title="Propose",
            permission="models_ml.add_proposal",
            consequence="Its evidence is weighed and laid before a modeling lead and an ops lead;"
            " you may not be one of the two. Nothing is promoted by this.",
            act=propose,
            valid=lambda row: row.stage == Stage.CANDIDATE and not row.pipeline.is_simulated,
            invalid="{row} is no candidate of a real pipeline.",
            icon="how_to_vote",
        ),
        Action(
            name="promote",
            title="Promote",
            permission="models_ml.change_modelversion",
            consequence=lambda rows: (
                f"{rows[0]} serves every prediction of its pipeline from now on, and strategies"
                " bet on what it says. The version that serves now stays ready for a rollback."
            ),
            act=promote,
            form=PromoteForm,
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

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(compare.page)
        return [path("compare/", view, name=compare.NAME), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the comparison of ticked versions beside what changes them."""
        found = super().get_actions(request)
        return {**found, "compare": (compare.ticked, "compare", compare.TITLE)}

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
        return chips.number(metric(row, "log_loss")[0], 4)

    @display(description="Market's")
    def market_log_loss(self, row: ModelVersion) -> str:
        return chips.number(metric(row, "log_loss")[1], 4)

    @display(description="Brier (sum)")
    def brier(self, row: ModelVersion) -> str:
        return chips.number(metric(row, "brier_sum")[0], 4)

    @display(description="Rows", ordering="n_rows")
    def rows(self, row: ModelVersion) -> str:
        return chips.number(row.n_rows)

    until = columns.moment("trained_until", "Learned until")
    trained = columns.moment("trained_at", "Trained")

    def badges(self, row: ModelVersion) -> list[Any]:
        return [self.stage_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: ModelVersion) -> list[sections.Section]:
        return [
            sections.Facts(
                "Facts",
                [
                    ("Pipeline", row.pipeline),
                    ("Replay", row.replay),
                    ("Search", chips.link(row.search) if row.search_id else None),
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
            *when_it_served(row),
            *on_its_test_part(row),
            *kept_evaluations(row),
            *calibrations.of(row),
            *scorecards.reliability(row.plots.get("reliability") or {}, title="Said and happened"),
            *what_moved(row),
            parameters(row),
            sections.Text("Features, in the artefact's order", ", ".join(map(str, row.features))),
        ]
