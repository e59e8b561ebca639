"""The bounds between which prices are believed, as operators have set them."""

from markets.domain import gates
from monitoring import thresholds


def gate() -> gates.Gate:
    """Return the bounds of what is believed, as they are for this load."""
    return gates.Gate(
        oldest=thresholds.span(gates.OLDEST),
        ahead=thresholds.span(gates.AHEAD),
        highest=thresholds.value(gates.HIGHEST),
    )
