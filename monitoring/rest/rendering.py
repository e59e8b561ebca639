"""JSON out: plain rows at the speed of a compiled encoder."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer


def _other(value: object) -> Any:
    """Encode what is neither a JSON type nor a time, decimal or UUID."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    return str(value)  # an error's text, which is a subclass of str, or one still to be translated


_ENCODER = msgspec.json.Encoder(enc_hook=_other, decimal_format="string")


class FastJSONRenderer(BaseRenderer):
    """Decimals as strings, times in ISO 8601, no number that JSON does not have."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else _ENCODER.encode(data)
