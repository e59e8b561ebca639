"""The admin site's looks and navigation."""

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Closing Line",
    "SITE_HEADER": "Closing Line",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
