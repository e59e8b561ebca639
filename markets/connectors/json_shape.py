"""The shape of a JSON text before anybody reads it: how deep it nests, and keys told twice.

A decoder keeps the last of two equal keys without a word, and follows nesting as deep as its
stack allows.  Both are found in the brackets, colons and quotes alone.
"""

import json
from collections import Counter

import msgspec
import numpy as np

DEEPEST = 64
TOO_DEEP = f"JSON nested {DEEPEST} deep at most"
_SIGNS = b'"[]{}:'
_ALL_ELSE = bytes(set(range(256)) - set(_SIGNS))
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1
_CHUNK = 262_144  # bytes that are looked at together: their arrays stay in the processor's cache
_QUOTE, _COLON = ord('"'), ord(":")


def what_is_wrong(payload: bytes) -> str:
    """Return what was expected of a JSON text instead; "" where its shape is well.

    Text that is no JSON may pass: the decoder says better what is wrong with it.

    >>> what_is_wrong(b'{"a": {"b": 1}, "b": "]]: {"}')
    ''
    >>> what_is_wrong(b'{"a": 1, "b": {"a": 2}, "a": 3}')
    "each key once, not 'a' twice"
    >>> what_is_wrong(b"[" * 65 + b"]" * 65)
    'JSON nested 64 deep at most'
    """
    n_keys = count_keys(payload)
    return TOO_DEEP if n_keys is None else what_is_told_twice(payload, n_keys=n_keys)


def count_keys(payload: bytes) -> int | None:
    """Return how many keys the document itself tells, 0 for a list; None: it nests too deep.

    >>> count_keys(b'{"a": 1, "b": {"a": 2}, "a": 3}'), count_keys(b"[]"), count_keys(b"[" * 65)
    (3, 0, None)
    """
    # An escaped quote ends no text; a run of backslashes escapes by pairs.
    plain = payload.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in payload else payload
    quotes = depth = n_keys = 0
    for start in range(0, len(plain), _CHUNK):
        signs = np.frombuffer(plain[start : start + _CHUNK].translate(None, _ALL_ELSE), np.uint8)
        others = np.flatnonzero(signs != _QUOTE)
        if others.size:
            found = signs[others]
            quotes_before = others - np.arange(-quotes, others.size - quotes)
            is_outside = (quotes_before & 1).astype(np.int8) ^ 1  # of every text
            depths = np.cumsum(_STEPS.take(found) * is_outside, dtype=np.int64) + depth
            if int(depths.max()) > DEEPEST:
                return None
            depth = int(depths[-1])
            is_key = (found == _COLON) & (depths == 1)
            n_keys += int(np.count_nonzero(is_outside[is_key]))
        quotes += signs.size - others.size
    return n_keys if payload[:64].lstrip()[:1] == b"{" else 0


def what_is_told_twice(payload: bytes, *, n_keys: int) -> str:
    """Return what was expected where a document of so many keys tells one twice; "" where not."""
    if n_keys < 2:
        return ""
    try:
        distinct = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
        return "" if n_keys == len(distinct) else f"each key once, not {_twice(payload)!r} twice"
    except (ValueError, RecursionError):
        return ""


def _twice(payload: bytes) -> str:
    """Return the first key that the document itself holds more than once."""
    pairs = json.loads(payload, object_pairs_hook=lambda told: told)
    counts = Counter(key for key, _ in pairs)
    return next((key for key, count in counts.items() if count > 1), "")[:60]
