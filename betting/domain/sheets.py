"""Text in cells that a spreadsheet opens: nothing that it would run.  Pure.

Source: OWASP, "CSV Injection".
"""

_RUN = ("=", "+", "-", "@", "\t", "\r", "\n")  # a sheet takes a cell that begins so for a formula
_MARK = "'"


def guarded(text: str) -> str:
    """Return a text with a mark before what a sheet would run.

    >>> guarded("=1+1"), guarded("Ajax"), guarded("'=1"), guarded("'t Hooft")
    ("'=1+1", 'Ajax', "''=1", "'t Hooft")
    """
    return f"{_MARK}{text}" if text.lstrip(_MARK).startswith(_RUN) else text


def unguarded(cell: str) -> str:
    """Return what a cell said before it was guarded.

    >>> [unguarded(guarded(text)) for text in ("=1+1", "'=1", "-2", "'t Hooft", "")]
    ['=1+1', "'=1", '-2', "'t Hooft", '']
    """
    is_marked = cell.startswith(_MARK) and cell.lstrip(_MARK).startswith(_RUN)
    return cell[1:] if is_marked else cell
