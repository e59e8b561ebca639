import pytest
from django.utils import timezone

from betting.models import Bankroll, Bet, Strategy
from config import seeding
from markets.models import Event
from models_ml.models import ModelVersion
from monitoring.models import AuditEntry
from settlements.models import LedgerTransfer
from settlements.services import ledger


@pytest.fixture
def settings_home(settings, tmp_path):
    """Keep the artefact of this test's model out of the other tests' way."""
    settings.ARTEFACT_DIR = tmp_path / "artefacts"


@pytest.mark.django_db
class TestSeed:
    def test_founds_a_league_a_model_and_money_marked_as_simulated(
        self, settings_home, monkeypatch
    ):
        monkeypatch.setattr(seeding, "SEASONS", 2)
        now = timezone.now()

        seeding.seed(clock=lambda: now, actor="cli:test")

        assert Event.objects.filter(competition__is_simulated=False).count() == 0
        assert Event.objects.filter(status="FINISHED").count() == 2 * 380
        [serving] = ModelVersion.objects.filter(stage=ModelVersion.Stage.PRODUCTION)
        assert serving.pipeline.is_simulated
        [bankroll] = Bankroll.objects.all()
        assert bankroll.is_simulated
        assert bankroll.balance == seeding.OPENING_DEPOSIT
        assert ledger.imbalance() == 0
        assert Strategy.objects.filter(bankroll=bankroll, is_enabled=True).count() == 2

        placed = Bet.objects.filter(bankroll=bankroll, placed_at=now).count()
        assert placed > 0
        assert Bet.objects.filter(decision__prediction__event__starts_at__lte=now).count() == 0

        before = AuditEntry.objects.count()
        seeding.seed(clock=lambda: now, actor="cli:test")
        assert Bet.objects.count() == placed
        assert ModelVersion.objects.count() == 1
        assert LedgerTransfer.objects.count() == 1
        assert Bankroll.objects.get().balance == seeding.OPENING_DEPOSIT
        assert AuditEntry.objects.count() == before
