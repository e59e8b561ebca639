"""Who may do what: the roles of the house as groups, and the permissions each holds.

The matrix is written out: a permission that is not in it is held by administrators alone.
"""

from collections.abc import Mapping

from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.db.models import Q

VIEWER, OPERATOR = "viewer", "operator"
MODELING_LEAD, OPS_LEAD, ADMINISTRATOR = "modeling lead", "ops lead", "administrator"
ROOMS = ("markets", "models_ml", "betting", "settlements", "monitoring", "django_celery_beat")
PRIVATE = ("monitoring.user", "monitoring.apitoken")  # seen by administrators alone

_RUNS = ("monitoring.add_taskrun", "monitoring.change_taskrun")
_PAUSE = ("betting.add_tradinghalt",)
_OPERATING = (
    *_RUNS,
    *_PAUSE,
    "betting.add_arbitrage",
    "betting.add_bet",
    "betting.add_betimport",
    "betting.add_cooldown",
    "betting.add_decision",
    "betting.add_phasechange",
    "betting.change_arbitrage",
    "betting.change_bet",
    "markets.add_notice",
    "markets.add_participant",
    "markets.add_participantalias",
    "markets.change_participant",
    "markets.change_participantalias",
    "markets.add_fetch",
    "markets.add_closingprice",
    "markets.change_qualityfinding",
    "markets.change_resultdispute",
    "markets.change_source",
    "markets.change_unknownname",
    "models_ml.add_etlrun",
    "models_ml.add_featurerow",
    "models_ml.add_prediction",
    "models_ml.add_rehearsal",
    "monitoring.change_checkstate",
    "monitoring.change_incident",
    "settlements.add_betvalue",
    "settlements.add_reconciliationrun",
    "settlements.add_performanceday",
    "settlements.add_report",
    "settlements.add_settlement",
)
_MODELING = (
    *_RUNS,
    *_PAUSE,
    "betting.add_phasechange",
    "models_ml.add_approval",
    "models_ml.add_driftreport",
    "models_ml.add_etlrun",
    "models_ml.add_evaluation",
    "models_ml.add_experiment",
    "models_ml.add_featurerow",
    "models_ml.add_ladder",
    "models_ml.add_modelversion",
    "models_ml.add_prediction",
    "models_ml.add_proposal",
    "models_ml.add_rehearsal",
    "models_ml.add_replay",
    "models_ml.add_rerun",
    "models_ml.add_retraindecision",
    "models_ml.add_ruleflag",
    "models_ml.add_search",
    "models_ml.change_experiment",
    "models_ml.change_ladder",
    "models_ml.change_modelversion",
    "models_ml.change_pipeline",
    "models_ml.change_proposal",
    "models_ml.change_ruleflag",
    "monitoring.change_incident",
    "settlements.add_backtest",
    "settlements.add_backtestgrid",
)
_LEADING = (
    *_OPERATING,
    "betting.add_bankroll",
    "betting.add_betmapping",
    "betting.add_limit",
    "betting.add_strategy",
    "betting.change_bankroll",
    "betting.change_betmapping",
    "betting.change_bookrule",
    "betting.change_costmodel",
    "betting.change_gaminglimits",
    "betting.change_limit",
    "betting.change_participantgroup",
    "betting.change_phasechange",
    "betting.change_settlingterms",
    "betting.change_strategy",
    "betting.change_tradinghalt",
    "django_celery_beat.add_crontabschedule",
    "django_celery_beat.add_intervalschedule",
    "django_celery_beat.add_periodictask",
    "django_celery_beat.change_crontabschedule",
    "django_celery_beat.change_intervalschedule",
    "django_celery_beat.change_periodictask",
    "markets.add_event",
    "markets.add_importmapping",
    "markets.add_result",
    "markets.change_book",
    "markets.change_competition",
    "markets.change_event",
    "markets.add_referencerule",
    "markets.change_importmapping",
    "markets.change_referencerule",
    "markets.change_retentionpolicy",
    "markets.change_season",
    "models_ml.add_approval",
    "models_ml.add_hygienepolicy",
    "models_ml.add_promotionpolicy",
    "models_ml.add_replay",
    "models_ml.change_hygienepolicy",
    "models_ml.change_promotionpolicy",
    "models_ml.change_proposal",
    "monitoring.add_auditentry",
    "monitoring.change_threshold",
    "monitoring.delete_taskrun",
    "settlements.add_backtest",
    "settlements.add_backtestgrid",
    "settlements.add_ledgertransfer",
    "settlements.add_ruleset",
    "settlements.change_reconciliationitem",
    "settlements.change_performancetarget",
    "settlements.change_ruleuse",
)
MATRIX: Mapping[str, tuple[str, ...]] = {
    VIEWER: (),
    OPERATOR: _OPERATING,
    MODELING_LEAD: _MODELING,
    OPS_LEAD: _LEADING,
}


def ensure_roles() -> dict[str, int]:
    """Write the matrix into the groups; return how many permissions each role holds.

    A role's permissions are set to the matrix each time; what one person needs beyond it is
    given to that person.  Everybody of a role sees everything but keys and accounts.

    Raises:
        LookupError: the matrix names a permission that does not exist.
    """
    known = _known()
    seeing = {name for name in known if _is_view(name) and not _is_private(name)}
    wanted = {role: {*seeing, *names} for role, names in MATRIX.items()}
    wanted[ADMINISTRATOR] = set(known)
    for role, names in wanted.items():
        if missing := sorted(names - known.keys()):
            raise LookupError(f"role {role!r} names unknown permissions: {', '.join(missing)}")
    _give({role: {known[name] for name in names} for role, names in wanted.items()})
    return {role: len(names) for role, names in wanted.items()}


def _known() -> dict[str, int]:
    """Return every permission of the house's tables: "betting.view_bet" -> id."""
    in_house = Q(content_type__app_label__in=ROOMS) | Q(content_type__model="group")
    rows = Permission.objects.filter(in_house).values_list(
        "content_type__app_label", "codename", "pk"
    )
    return {f"{app}.{codename}": key for app, codename, key in rows}


@transaction.atomic
def _give(wanted: Mapping[str, set[int]]) -> None:
    """Let each group hold these permissions and no others."""
    pairs = [(role, permission) for role, ids in wanted.items() for permission in sorted(ids)]
    due: list[list[str] | list[int]] = [[role for role, _ in pairs], [key for _, key in pairs]]
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_GROUPS, [list(wanted)])
        cursor.execute(_TAKE_AWAY, [list(wanted), *due])
        cursor.execute(_GIVE, due)


_MAKE_GROUPS = "insert into auth_group (name) select unnest(%s::text[]) on conflict do nothing"
_TAKE_AWAY = """
delete from auth_group_permissions h using auth_group g
where g.id = h.group_id and g.name = any(%s::text[])
  and (g.name, h.permission_id) not in (select * from unnest(%s::text[], %s::bigint[]))
"""
_GIVE = """
insert into auth_group_permissions (group_id, permission_id)
select g.id, due.permission_id
from unnest(%s::text[], %s::bigint[]) as due(name, permission_id)
join auth_group g on g.name = due.name
on conflict do nothing
"""


def _is_view(name: str) -> bool:
    return ".view_" in name


def _is_private(name: str) -> bool:
    app, _, codename = name.partition(".")
    return f"{app}.{codename.partition('_')[2]}" in PRIVATE or name == "auth.view_group"
