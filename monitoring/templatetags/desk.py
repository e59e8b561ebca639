"""The desk's looks for templates: chips, times, money, links."""

from django import template

from monitoring.desk import chips

register = template.Library()
register.filter("when", chips.when)
register.filter("state", chips.state)
register.filter("severity", chips.severity)
register.filter("outcome", chips.outcome)
register.filter("row_link", chips.link)
register.filter("subject", chips.subject)
register.filter("duration", chips.duration)
register.filter("percent", chips.percent)


@register.filter
def signed_percent(share: float | None) -> str:
    return chips.percent(share, signed=True)


@register.filter
def money(amount: object, currency: str = "") -> str:
    return chips.money(amount, currency)  # type: ignore[arg-type]


@register.filter
def signed_money(amount: object, currency: str = "") -> str:
    return chips.money(amount, currency, signed=True)  # type: ignore[arg-type]
