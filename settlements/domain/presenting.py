"""Performance as plain values that JSON, a table or a page can hold.  Pure."""

from decimal import Decimal
from typing import Any

from settlements.domain.performance import Performance, Rate
from settlements.domain.windows import Figures, Money


def figures(shown: Performance) -> dict[str, Any]:
    """Return all figures: money as text, rates as numbers or None."""
    return {
        "bets": shown.n,
        "events": shown.events,
        "void": shown.void,
        "turnover": money(shown.turnover),
        "profit": money(shown.profit),
        **rate("yield", shown.yield_),
        **rate("win_rate", shown.win_rate),
        **closing_line(shown),
        "opening": money(shown.opening),
        "equity": money(shown.equity),
        "max_drawdown": shown.max_drawdown,
        "drawdown": shown.drawdown,
        "sharpe": shown.sharpe,
        "sortino": shown.sortino,
    }


def window(shown: Figures) -> dict[str, Any]:
    """Return the figures of a window of betting days."""
    return {
        "bets": shown.bets,
        "events": shown.events,
        "void": shown.void,
        "turnover": money(shown.turnover),
        "profit": money(shown.profit),
        "commission": money(shown.commission),
        **rate("yield", shown.yield_),
        **rate("win_rate", shown.win_rate),
        "valued": shown.valued,
        "coverage": shown.coverage,
        **rate("clv", shown.clv),
        "clv_by_stake": shown.clv_by_stake,
        "clv_raw": shown.clv_raw,
        **rate("beat_close", shown.beat_close),
        "expected": money(shown.expected),
        **rate("excess", shown.excess),
        "excess_p": shown.excess_p,
        "modelled": shown.modelled,
        "model_expected": money(shown.model_expected),
        "model_profit": money(shown.model_profit),
    }


def money_of(shown: Money) -> dict[str, Any]:
    """Return what a window made of the money that was there before it."""
    return {
        "opening": money(shown.opening),
        "equity": money(shown.equity),
        "return_on_bankroll": shown.growth,
        "max_drawdown": shown.max_drawdown,
        "drawdown": shown.drawdown,
        **rate("sharpe", shown.sharpe),
        "sortino": shown.sortino,
        "days": shown.days,
    }


def closing_line(shown: Performance) -> dict[str, Any]:
    """Return the figures against the close, with the share of bets they cover."""
    return {
        "valued": shown.valued,
        "coverage": shown.coverage,
        **rate("clv", shown.clv),
        "clv_by_stake": shown.clv_by_stake,
        "clv_raw": shown.clv_raw,
        **rate("beat_close", shown.beat_close),
    }


def rate(name: str, of: Rate) -> dict[str, float | None]:
    """Return a rate and its interval under three names.

    >>> rate("yield", Rate(0.1, 0.0, 0.2))
    {'yield': 0.1, 'yield_low': 0.0, 'yield_high': 0.2}
    """
    return {name: of.value, f"{name}_low": of.low, f"{name}_high": of.high}


def money(amount: Decimal) -> str:
    """Return an amount with its two places, without grouping.

    >>> money(Decimal("1234.5"))
    '1234.50'
    """
    return f"{amount:.2f}"


def percent(of: Rate) -> str:
    """Return a rate for people, with its interval where it has one.

    >>> percent(Rate(0.0123, -0.01, 0.04)), percent(Rate(0.5)), percent(Rate())
    ('1.2 % (-1.0 to 4.0)', '50.0 %', '–')
    """
    if of.value is None:
        return "–"
    shown = f"{of.value * 100:.1f} %"
    if of.low is None or of.high is None:
        return shown
    return f"{shown} ({of.low * 100:.1f} to {of.high * 100:.1f})"


def plain(of: Rate) -> str:
    """Return a figure that is no share, with its interval where it has one.

    >>> plain(Rate(1.234, -0.5, 2.0)), plain(Rate(45.0)), plain(Rate())
    ('1.23 (-0.50 to 2.00)', '45.00', '–')
    """
    if of.value is None:
        return "–"
    if of.low is None or of.high is None:
        return f"{of.value:.2f}"
    return f"{of.value:.2f} ({of.low:.2f} to {of.high:.2f})"
