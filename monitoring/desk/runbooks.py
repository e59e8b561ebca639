"""Runbooks on the page: ``docs/runbooks/<kind>.md`` made into plain, escaped HTML."""

import re

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def runbook(kind: str) -> SafeString | None:
    """Return the procedure for a kind of incident, or None where none is written."""
    if not _KIND.fullmatch(kind):
        return None
    path = settings.BASE_DIR / "docs" / "runbooks" / f"{kind}.md"
    if not path.is_file():
        return None
    return markdown(path.read_text(encoding="utf-8"))


def markdown(text: str) -> SafeString:
    """Return headings, lists, code and paragraphs as HTML; everything is escaped first.

    >>> markdown("# Look\\n\\n- one <b>\\n- `two`\\n\\nDone **now**.")
    '<h3>Look</h3>\\n<ul><li>one &lt;b&gt;</li><li><code>two</code></li></ul>\\n<p>Done
    <strong>now</strong>.</p>'
    """
    blocks = re.split(r"\n\s*\n", text.strip().replace("\r\n", "\n"))
    return mark_safe("\n".join(html for block in blocks for html in _block(block)))


def _block(block: str) -> list[str]:
    """Return the elements of one block; a heading may stand right above its text."""
    lines = block.split("\n")
    if lines[0].startswith("#"):
        heading = f"<h3>{_inline(lines[0].lstrip('# '))}</h3>"
        return [heading, *(_block("\n".join(lines[1:])) if lines[1:] else [])]
    if lines[0].startswith("```"):
        return [f'<pre class="cl-pre">{escape(chr(10).join(lines[1:]).removesuffix("```"))}</pre>']
    if re.match(r"[-*] ", lines[0]):
        return [_items("ul", lines, r"[-*] ")]
    if re.match(r"\d+[.)] ", lines[0]):
        return [_items("ol", lines, r"\d+[.)] ")]
    return [f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"]


def _items(tag: str, lines: list[str], mark: str) -> str:
    items: list[str] = []
    for line in lines:
        if re.match(mark, line):
            items.append(re.sub(f"^{mark}", "", line))
        elif items:
            items[-1] += f" {line.strip()}"
    return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{tag}>"


def _inline(text: str) -> str:
    safe = str(escape(text))
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe)
    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", _anchor, safe)


def _anchor(match: re.Match[str]) -> str:
    text, address = match.groups()
    if not re.match(r"(https?:)?/", address):
        return text
    return f'<a class="cl-link" href="{address}">{text}</a>'
