"""One filling of one shelf under way: what it is asked for, and what it has found so far."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from models_ml.services.store.layout import Shelf


class Computing(Protocol):
    """A feature set, as far as filling the store needs it."""

    @property
    def name(self) -> str: ...
    @property
    def sport(self) -> str: ...
    @property
    def grain(self) -> str: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def sha256(self) -> str: ...
    @property
    def compute(self) -> Any: ...  # (facts, asks) -> (n, f)


@dataclass(slots=True)
class Filling:
    """One filling of one shelf under way."""

    shelf: Shelf
    now: datetime
    is_rebuild: bool
    is_repair: bool = False  # looks at every month of prices
    new_results: int = 0
    new_quotes: int = 0
    computed: int = 0
    kept: int = 0
    differences: int = 0
    dirty: dict[int, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
