"""Presets of strategies: what each sets, for whom it is, what it leaves alone."""

import pytest

from betting.services import strategy_presets as presets
from betting.services.strategies import StrategyRefused
from models_ml.models import Pipeline
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_sport, a_strategy

pytestmark = pytest.mark.django_db


def of(kind: str, code: str = "value", **fields: object):
    """Return a strategy of a program on a kind of market that nfl_v1 foretells."""
    pipeline = Pipeline.objects.create(
        code=f"p-{kind}-{code}".lower().replace("_", "-"), sport=a_sport(), market_kind=kind,
        feature_set="nfl_v1",
        **({"target": "FIGURE", "statistic": "points"} if kind == "PLAYER_TOTAL" else {}),
    )  # fmt: skip
    strategy = a_strategy(pipeline=pipeline, **fields)
    strategy.code = code
    strategy.save()
    return strategy


def apply(strategy, preset: str, reason: str = "as others do"):
    found = presets.apply(
        strategy_id=strategy.pk, preset=preset, actor="user:bob", reason=reason, now=NOON
    )
    found.refresh_from_db()
    return found


class TestApply:
    @pytest.mark.parametrize(
        "name, kind, code",
        [
            ("soccer", "MATCH_ODDS", "value"),
            ("spread", "SPREAD", "value"),
            ("props", "PLAYER_TOTAL", "value"),
            ("back_to_back", "MONEYLINE", "fatigue"),
        ],
        ids=["soccer", "spread", "props", "back-to-back"],
    )
    def test_sets_what_it_names_and_leaves_the_rest(self, name, kind, code):
        kept = {"parameters": {"side": "AWAY"}} if code == "fatigue" else {}
        strategy = of(kind, code, kelly_fraction=0.1, **kept)
        assert [preset.name for preset in presets.fitting(strategy)] == [name]
        found, preset = apply(strategy, name), presets.PRESETS[name]
        for limit, value in preset.limits.items():
            assert str(getattr(found, limit)).rstrip("0") == str(value).rstrip("0")
        assert found.parameters == {**kept.get("parameters", {}), **preset.parameters}
        assert (found.kelly_fraction, found.is_enabled) == (0.1, True)
        detail = AuditEntry.objects.get(action="strategy.changed").detail
        assert detail["reason"] == f"preset {name}: as others do"

    def test_of_soccer_asks_what_its_name_promises(self):
        found = apply(of("MATCH_ODDS"), "soccer")
        assert (found.min_probability, found.min_edge, found.max_overround) == (0.48, 0.02, 0.15)
        assert (str(found.min_price), str(found.max_price)) == ("1.300", "5.000")

    @pytest.mark.parametrize(
        "kind, code, preset, reason, why",
        [
            ("SPREAD", "value", "soccer", "x", "is for MATCH_ODDS"),
            ("SPREAD", "fatigue", "spread", "x", "is for the program value, not for fatigue"),
            ("SPREAD", "value", "roulette", "x", "there are soccer, spread, props, back_to_back"),
            ("SPREAD", "value", "spread", " ", "reason"),
        ],
        ids=["other-market", "other-program", "unknown", "no-reason"],
    )
    def test_refuses_what_is_not_for_it(self, kind, code, preset, reason, why):
        strategy = of(kind, code)
        with pytest.raises(StrategyRefused, match=why):
            apply(strategy, preset, reason)
        assert not AuditEntry.objects.filter(action="strategy.changed").exists()


def test_presets_stand_in_the_documentation_as_they_are():
    with open("docs/strategies.md", encoding="utf-8") as file:
        lines = file.read().splitlines()
    for preset in presets.PRESETS.values():
        told = {**preset.limits, **{f"parameters.{k}": v for k, v in preset.parameters.items()}}
        sets = ", ".join(f"{name} {value}" for name, value in told.items())
        assert f"| `{preset.name}` | {preset.title} | {preset.code} | {sets} |" in lines
