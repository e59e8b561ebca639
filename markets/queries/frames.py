"""Frames with exactly the columns and types that were promised."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

MOMENT = "datetime64[us, UTC]"


def frame(rows: Sequence[Sequence[Any]], columns: dict[str, str]) -> pd.DataFrame:
    """Build a frame with exactly these columns and types, however few the rows."""
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=dtype)
            for (name, dtype), column in zip(columns.items(), values, strict=True)
        }
    )
