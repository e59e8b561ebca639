"""What a strategy's program is told: the form's field, what stands beside what may, presets."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from betting.domain import arbitrage, parameters
from betting.domain import strategies as programs
from betting.models import Strategy
from betting.services import strategies, strategy_presets
from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm


def clean(form: forms.ModelForm) -> None:
    """Hold what is written against the program's own parameters; each fault names its own."""
    code = form.cleaned_data.get("code") or form.instance.code
    given = form.cleaned_data.get("parameters")
    if not code or "parameters" in form.errors:
        return
    form.cleaned_data["parameters"] = given = {} if given is None else given
    try:
        strategies.check_parameters(code=code, parameters=given)
    except strategies.StrategyRefused as no:
        form.add_error("parameters", f"Refused: {no}")


def begin(form: forms.ModelForm, cleaned: dict[str, Any]) -> None:
    """Hold a new strategy to a pipeline, or arbitrage to none and to returns of its own."""
    seeks = cleaned.get("code") == arbitrage.CODE
    if seeks is bool(cleaned.get("pipeline")):
        text = "Arbitrage has none." if seeks else "Name whose predictions it bets on."
        form.add_error("pipeline", text)
    if seeks:
        usual = strategies.OF_ARBITRAGE
        cleaned.update({name: usual[name] for name in usual if name not in form.changed_data})


def help_text(code: str) -> str:
    """Say what a program may be told; of a row without one yet, what each may."""
    told = [programs.REGISTRY[code]] if code in programs.REGISTRY else programs.REGISTRY.values()
    texts = []
    for program in told:
        names = [f"{one.name}: {one.expected}" for one in parameters.described(program.parameters)]
        texts.append(f"{program.code} is told {'; '.join(names) or 'nothing of its own'}.")
    return " ".join(['Names with their values, {"name": value}.', *texts])


def parts(row: Strategy) -> list[sections.Section]:
    """Show each parameter with its value, what it may be, and what it does."""
    program = programs.REGISTRY.get(row.code)
    told = parameters.described(program.parameters) if program else ()
    given = row.parameters if isinstance(row.parameters, dict) else {}  # a form may hold anything
    rows = [
        (
            one.name,
            _value(given.get(one.name, one.default), is_set=one.name in given),
            one.expected,
            one.meaning,
        )
        for one in told
    ]
    if not rows:
        return []
    headers = ("Parameter", "Value", "May be", "What it does")
    return [sections.Table(f"What the program {row.code!r} is told", headers, rows)]


def _value(value: Any, *, is_set: bool) -> Any:
    text = chips.NOTHING if value is None else str(value)
    return text if is_set else chips.two_lines(text, "unless told")


class PresetForm(ReasonForm):
    """Choose among the presets that are for the strategy."""

    preset = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    field_order = ("preset", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fitting = strategy_presets.fitting(self.rows[0]) if self.rows else []  # type: ignore[arg-type]
        self.fields["preset"].choices = [(one.name, one.title) for one in fitting]  # type: ignore[attr-defined]


def _apply(asked: Asked) -> Done:
    strategy_presets.apply(
        strategy_id=asked.row.pk,
        preset=asked.values["preset"],
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{asked.row} is set as {asked.values['preset']} says.")


PRESET = Action(
    name="preset",
    title="Apply a preset…",
    permission="betting.change_strategy",
    consequence="What the preset names is set; the rest of the row stays. The next decision heeds"
    " it, and the audit keeps both values.",
    act=_apply,
    form=PresetForm,
    icon="tune",
    valid=lambda row: bool(strategy_presets.fitting(row)),
    invalid="No preset is for {row}.",
)
