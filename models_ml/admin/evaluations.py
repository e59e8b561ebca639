"""How good versions were, over which span of time."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from models_ml.admin.shown import Shown
from models_ml.models import Evaluation
from monitoring.desk import columns


@admin.register(Evaluation)
class EvaluationAdmin(Shown):
    list_display = ("pipeline", "version", "kind_chip", "n", "begins", "ends", "when", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter))
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor")
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline")
    figures = (("figures", "Figures"),)
    empty_text = "No evaluation is kept yet."

    kind_chip = columns.state("kind", "Kind")
    begins = columns.moment("since", "From")
    ends = columns.moment("until", "Until")
    when = columns.moment("at", "When")
