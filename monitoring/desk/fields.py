"""Fields of the desk's forms that are read more strictly than the stock ones."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")


class MoneyField(forms.CharField):
    """An amount above zero in whole cents, written out: 12.50, never 1e5, -1 or ١٠."""

    widget = UnfoldAdminTextInputWidget
    default_error_messages = {"invalid": "An amount above zero such as 12.50 is expected."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20, **options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "decimal"}

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        if not _MONEY.fullmatch(text) or not (amount := Decimal(text)):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return amount.quantize(Decimal("0.01"))
