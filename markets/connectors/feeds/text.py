"""Text out of markup that somebody else wrote: nothing of it is markup any more."""

import unicodedata
from html.parser import HTMLParser
from urllib.parse import urlsplit

LONGEST_TITLE, LONGEST_BODY, LONGEST_URL = 300, 20_000, 500
_SILENT = frozenset({"script", "style", "template", "iframe", "object", "noscript"})
_BREAKING = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4"})
#: Signs that turn or hide what stands beside them.
_HIDDEN = frozenset(
    "\u200b\u200c\u200d\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in _SILENT
        if tag in _BREAKING:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def plain(markup: str, *, at_most: int) -> str:
    """Return the words of markup, composed, without what cannot be seen.

    >>> plain("<p>Out: <b>knee</b></p><script>steal()</script> &amp; more", at_most=300)
    'Out: knee & more'
    """
    reader = _Words()
    reader.feed(markup[: 10 * LONGEST_BODY])
    reader.close()
    words = "".join(sign for sign in "".join(reader.words) if _is_seen(sign))
    lines = (" ".join(line.split()) for line in words.splitlines())
    text = "\n".join(line for line in lines if line)
    return unicodedata.normalize("NFC", text)[:at_most].strip()


def _is_seen(sign: str) -> bool:
    if sign in _HIDDEN:
        return False
    return sign in "\n\t " or unicodedata.category(sign)[0] != "C"


def one_line(markup: str, *, at_most: int) -> str:
    """Return the words of markup on one line."""
    return " ".join(plain(markup, at_most=at_most * 2).split())[:at_most].strip()


def link(url: str) -> str:
    """Return an address that a browser may be led to, else "".

    >>> link("https://news.example/a?b=1"), link("javascript:alert(1)")
    ('https://news.example/a?b=1', '')
    """
    url = url.strip()
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if is_plain else ""
