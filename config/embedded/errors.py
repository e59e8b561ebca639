from pathlib import Path


class EngineFailed(Exception):
    """An embedded engine cannot be started or reached; the text says what to do."""


def tail(log: Path, *, lines: int = 5) -> str:
    """Return the last lines of an engine's log on one line, for an error's text."""
    try:
        found = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return "its log is empty"
    return " | ".join(line.strip() for line in found if line.strip()) or "its log is empty"
