"""One filling of one shelf under way: what it is asked for, and what it has found so far."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models_ml.services.store.layout import Shelf


@dataclass(slots=True)
class Filling:
    """One filling of one shelf under way."""

    shelf: Shelf
    now: datetime
    is_rebuild: bool
    is_repair: bool = False  # looks at every month of prices
    minutes: float = 0.0  # before the start: as of when rows of features are
    new_results: int = 0
    new_quotes: int = 0
    computed: int = 0
    kept: int = 0
    differences: int = 0
    dirty: dict[int, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
