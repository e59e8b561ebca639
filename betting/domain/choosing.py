"""Choosing among appraised candidates: what a program has against them, and one of each event."""

from collections.abc import Mapping, Sequence

import pandas as pd

from betting.domain.selecting import OTHER_SELECTION_BETTER


def keep_best_of_event(reasons: pd.Series, event_ids: pd.Series, edges: pd.Series) -> pd.Series:
    """Return the reasons with all but the greatest edge of each event passed over.

    Equal edges: the earlier row stays.

    >>> keep_best_of_event(
    ...     pd.Series(["", "", "NO_PRICE"]), pd.Series([1, 1, 1]), pd.Series([0.03, 0.05, 0.9])
    ... ).tolist()
    ['OTHER_SELECTION_BETTER', '', 'NO_PRICE']
    """
    standing = reasons.eq("")
    winners = edges[standing].groupby(event_ids[standing]).idxmax()
    beaten = standing & ~reasons.index.isin(winners)
    return reasons.mask(beaten, OTHER_SELECTION_BETTER)


def object_to(
    found: pd.DataFrame,
    *,
    codes: Sequence[Sequence[str]],
    filters: Sequence[Mapping[str, list[float]]],
) -> None:
    """Put what a program has against appraised rows before what their prices have.

    ``codes``: what fails, in the order asked; ``filters``: what was asked, value and bounds.
    """
    for failed, asked, against, values in zip(
        found["failed"], found["filters"], codes, filters, strict=True
    ):
        failed[:0] = against
        asked.update(values)
    found["reason"] = [failed[0] if failed else "" for failed in found["failed"]]


def once_per_event(found: pd.DataFrame) -> pd.DataFrame:
    """Return appraised rows with all but the best of each event passed over, and saying so."""
    reasons = keep_best_of_event(found["reason"], found["event_id"], found["edge"])
    note_beaten(found, reasons)
    return found.assign(reason=reasons)


def note_beaten(found: pd.DataFrame, reasons: pd.Series) -> None:
    """Write into the chains of beaten selections the edge of the one that was kept."""
    kept = found.loc[reasons == "", ["event_id", "edge"]].set_index("event_id")["edge"].to_dict()
    beaten = found[reasons == OTHER_SELECTION_BETTER]
    columns = ("event_id", "edge", "failed", "filters")
    for event_id, edge, failed, filters in zip(*(beaten[c] for c in columns), strict=True):
        failed.append(OTHER_SELECTION_BETTER)
        filters[OTHER_SELECTION_BETTER] = [round(float(edge), 6), round(float(kept[event_id]), 6)]
