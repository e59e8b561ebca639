"""Doing the same for several pipelines: one that is refused takes no other's turn."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from models_ml.models import Pipeline
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused

Row = TypeVar("Row")


def each(
    pipelines: Iterable[Pipeline],
    do: Callable[[Pipeline], Row],
    *,
    progress: RunHandle | None = None,
) -> tuple[list[Row], dict[str, str]]:
    """Return what came of each pipeline, in order, and why nothing did, by code.

    Faults rise at once, and what was done before them stays.

    Raises:
        Cancelled: somebody asked for that between two pipelines; what was done stays.
    """
    chosen = list(pipelines)
    rows: list[Row] = []
    refused: dict[str, str] = {}
    for done, pipeline in enumerate(chosen):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=done, total=len(chosen), message=pipeline.code)
        try:
            rows.append(do(pipeline))
        except Refused as no:
            refused[pipeline.code] = str(no)
    return rows, refused
