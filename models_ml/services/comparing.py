"""Two to four versions side by side, on events that none of them has learned from."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from markets.domain import kinds
from models_ml.domain import boards, feature_sets
from models_ml.domain.boards import Board
from models_ml.domain.examples import Examples
from models_ml.models import ModelVersion
from models_ml.services import cards, examples, loading
from models_ml.services.cards import CLOSE, MARKET
from monitoring.errors import Refused

FEWEST, MOST = 2, 4
LONGEST_ID = 18  # digits
ENOUGH = 30  # matches, lines or races after every training, below which test parts are taken too


class CannotCompare(Refused):
    """These versions cannot be held beside one another."""


@dataclass(frozen=True, slots=True)
class Window:
    """Events from ``since`` on, and why those."""

    since: datetime
    why: str


def chosen(*, ids: Sequence[int]) -> list[ModelVersion]:
    """Return the versions of these ids, in their order.

    Raises:
        CannotCompare: they are fewer than two or more than four, one does not exist, or they do
            not foretell the same from the same columns.
    """
    wanted = list(dict.fromkeys(ids))
    if not FEWEST <= len(wanted) <= MOST:
        raise CannotCompare(f"choose {FEWEST} to {MOST} versions, not {len(wanted)}")
    rows = ModelVersion.objects.select_related("pipeline__sport").in_bulk(wanted)
    if missing := [str(key) for key in wanted if key not in rows]:
        raise CannotCompare(f"there is no version {', '.join(missing)}")
    found = [rows[key] for key in wanted]
    if len({_question(version) for version in found}) > 1:
        raise CannotCompare(
            f"{' and '.join(map(str, found))} do not foretell the same from the same columns"
        )
    return found


def ids_of(*, text: str) -> list[int]:
    """Read ids that stand between commas.

    >>> ids_of(text="3,5"), ids_of(text="")
    ([3, 5], [])

    Raises:
        CannotCompare: one is no whole number.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if wrong := [part for part in parts if not (part.isdecimal() and len(part) <= LONGEST_ID)]:
        raise CannotCompare(f"{wrong[0][:20]!r} is no version's id")
    return [int(part) for part in parts]


def compare(*, versions: Sequence[ModelVersion], now: datetime) -> dict[str, Any]:
    """Return versions side by side on the same events, as JSON can hold it.

    On events that started after the last of them was trained; where there are fewer than thirty,
    on those in the test parts of all, which none of them learned from either.  Differences are of
    log loss, first less second, weeks drawn whole, with Diebold and Mariano's p.

    Raises:
        CannotCompare: there is no event that none of them has learned from.
        DamagedArtefact, FeaturesChanged: of a version's file.
    """
    pipeline = versions[0].pipeline
    window, rows, board = _window(versions, now)
    names = _names(versions)
    told = {
        name: cards.said_by(
            market_kind=pipeline.market_kind,
            estimator=loading.load(version=version),
            board=board,
            examples=rows,
        )
        for name, version in zip(names, versions, strict=True)
    }
    board = replace(board, said={**told, **board.said})
    both = np.logical_and.reduce([board.known(name) for name in names])
    left_out = int((~both).sum())
    board = board.part(both)
    others = [name for name in (MARKET, CLOSE) if board.known(name).any()]
    return {
        "pipeline": pipeline.code,
        "market_kind": pipeline.market_kind,
        "unit": board.unit,
        "n": len(board),
        "n_left_out": left_out,
        "since": window.since.isoformat(),
        "until": now.isoformat(),
        "why": window.why,
        "versions": [
            _version(name, version, board, rows)
            for name, version in zip(names, versions, strict=True)
        ],
        "others": {name: cards.card(board=board, examples=rows, name=name) for name in others},
        "differences": [
            {"first": first, "second": second, **(told_ or {})}
            for first, second in _pairs(names, others)
            if (told_ := cards.difference(board=board, first=first, second=second, examples=rows))
        ],
        "parameters": parameters(
            versions={n: v.parameters for n, v in zip(names, versions, strict=True)}
        ),
    }


def parameters(*, versions: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every parameter that the versions do not have alike, with each one's value.

    >>> parameters(versions={"v1": {"eta": 0.1, "rounds": 30}, "v2": {"eta": 0.2, "rounds": 30}})
    [{'name': 'eta', 'values': {'v1': 0.1, 'v2': 0.2}}]
    """
    names = sorted({name for told in versions.values() for name in told})
    found = {name: {key: told.get(name) for key, told in versions.items()} for name in names}
    return [
        {"name": name, "values": values}
        for name, values in found.items()
        if not _all_alike(list(values.values()))
    ]


def table(*, compared: Mapping[str, Any]) -> list[list[Any]]:
    """Return a comparison as rows under headers: one row per forecaster, then the differences."""
    scores = ("n", "log_loss", "brier_sum", "rps", "accuracy", "auc", "ece", "slope")
    shown = [(one["name"], one["card"]) for one in compared["versions"]]
    shown += list(compared["others"].items())
    ends = ["log_loss_low", "log_loss_high"]
    rows: list[list[Any]] = [["forecaster", *scores, *ends]]
    for name, card in shown:
        rows.append([name, *(card.get(key) for key in scores), *card["intervals"]["log_loss"]])
    keys = ("mean", "low", "high", "n", "clusters", "dm_p")
    rows += [[], ["difference of log loss", *keys]]
    for gap in compared["differences"]:
        rows.append([f"{gap['first']} - {gap['second']}", *(gap[key] for key in keys)])
    return rows


def _question(version: ModelVersion) -> tuple[Any, ...]:
    pipeline = version.pipeline
    return (
        pipeline.sport_id, pipeline.is_simulated, pipeline.market_kind, pipeline.statistic,
        pipeline.feature_set,
    )  # fmt: skip


def _names(versions: Sequence[ModelVersion]) -> list[str]:
    one = len({version.pipeline_id for version in versions}) == 1
    return [f"v{version.number}" if one else str(version) for version in versions]


def _window(versions: Sequence[ModelVersion], now: datetime) -> tuple[Window, Examples, Board]:
    """Return the events to hold the versions beside one another on, and the empty board."""
    latest = max(version.trained_until for version in versions)
    found = _on(versions, Window(latest, "They started after the last training had ended."), now)
    if found is not None and len(found[2]) >= ENOUGH:
        return found
    tests = [_test_from(version) for version in versions]
    known = [moment for moment in tests if moment is not None]
    if len(known) == len(tests):
        why = "They are in the test part of each training, or after it: none learned from them."
        common = Window(max(known), why)
        found = _on(versions, common, now) or found
    if found is None or not len(found[2]):
        raise CannotCompare(
            "there is no event with a known result that none of them has learned from:"
            f" the last training ended {latest:%Y-%m-%d %H:%M}"
        )
    return found


def _on(
    versions: Sequence[ModelVersion], window: Window, now: datetime
) -> tuple[Window, Examples, Board] | None:
    pipeline = versions[0].pipeline
    rows = examples.examples(pipeline=pipeline, until=now, since=window.since)
    if not len(rows):
        return None
    kind = pipeline.market_kind
    board = boards.board(market_kind=kind, examples=rows)
    if kind in kinds.LINE_KINDS and not len(board):
        late = boards.board(market_kind=kind, examples=rows, at_close=True)
        rows, board = replace(rows, market_line=rows.close_line), late
    return window, rows, board


def _test_from(version: ModelVersion) -> datetime | None:
    begins = (version.metrics.get("parts") or {}).get("test", {}).get("from")
    return datetime.fromisoformat(begins) if begins else None


def _pairs(names: Sequence[str], others: Sequence[str]) -> list[tuple[str, str]]:
    beside = [(name, other) for name in names for other in others]
    return [*itertools.combinations(names, 2), *beside]


def _version(name: str, version: ModelVersion, board: Board, rows: Examples) -> dict[str, Any]:
    return {
        "id": version.pk,
        "name": name,
        "stage": version.stage,
        "kind": version.kind,
        "trained_from": version.trained_from.isoformat(),
        "trained_until": version.trained_until.isoformat(),
        "n_rows": version.n_rows,
        "seed": version.seed,
        "code_version": version.code_version,
        "columns": feature_sets.named(version.pipeline.feature_set).sha256,
        "calibration": version.calibration,
        "card": cards.card(board=board, examples=rows, name=name),
        "reliability": [asdict(point) for point in board.points(name)] if len(board) else [],
    }


def _all_alike(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)
