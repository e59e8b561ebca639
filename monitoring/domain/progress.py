"""What a long piece of work may say about itself.  Pure: no Django, no clock."""

import uuid
from typing import Protocol


class RunHandle(Protocol):
    """The running work's own view of its run."""

    @property
    def run_id(self) -> uuid.UUID: ...

    @property
    def actor(self) -> str:
        """Return who is written into the audit: "task:settlements.settle_due", "cli:root"."""
        ...

    @property
    def asked_by(self) -> str:
        """Return who asked for the run: "user:alice", "beat"."""
        ...

    def progress(self, *, done: int, total: int | None = None, message: str = "") -> None:
        """Tell how far the work is; written at most once a second, seen at once by all."""
        ...

    def raise_if_cancelled(self) -> None:
        """Stop here if somebody asked for it.

        Raises:
            monitoring.errors.Cancelled: the run is to stop; call this only where stopping is safe.
        """
        ...
