"""A bet's order: what was asked and what was matched kept apart, and its steps kept to."""

from decimal import Decimal

from django.db import migrations, models

AS_IT_WAS = """
update betting_bet b set
    order_state = case b.status when 'RESERVED' then 'CREATED' when 'UNKNOWN' then 'UNKNOWN'
        when 'REJECTED' then 'REJECTED' when 'CANCELLED' then 'CANCELLED' else 'FILLED' end,
    requested_stake = b.stake,
    requested_price = coalesce((select d.price from betting_decision d where d.id = b.decision_id),
                               b.price),
    matched_stake = case when b.status in ('ACCEPTED', 'SETTLED') then b.stake else 0 end,
    matched_price = case when b.status in ('ACCEPTED', 'SETTLED') then b.price end
"""
# A writer that names no order (a bet recorded by hand, a worker of an earlier version) gets the
# one that its status tells; what was asked follows a bet that was not sent yet, and stays then.
STEPS = """
create function betting_bet_order_steps() returns trigger language plpgsql as $$
declare
    ended constant text[] := '{FILLED,CANCELLED,LAPSED,REJECTED}';
begin
    if tg_op = 'UPDATE' and new.status <> old.status and new.order_state = old.order_state
       and old.order_state <> all (ended) and new.status <> 'SETTLED'
       and not (new.status = 'ACCEPTED' and old.order_state in ('ACCEPTED', 'PARTIAL')) then
        new.order_state := '';
    end if;
    if new.order_state = '' then
        new.order_state := case new.status when 'RESERVED' then 'CREATED'
            when 'UNKNOWN' then 'UNKNOWN' when 'REJECTED' then 'REJECTED'
            when 'CANCELLED' then 'CANCELLED' else 'FILLED' end;
        if new.order_state = 'FILLED' then
            new.matched_stake := new.stake;
            new.matched_price := new.price;
        end if;
    end if;
    if tg_op = 'INSERT' then
        new.requested_stake := coalesce(nullif(new.requested_stake, 0), new.stake);
        new.requested_price := coalesce(nullif(new.requested_price, 0), new.price);
        return new;
    end if;
    if old.order_state = 'CREATED' and new.order_state = 'CREATED' then
        new.requested_stake := new.stake;
        new.requested_price := new.price;
        return new;
    end if;
    if (new.requested_stake, new.requested_price, new.side)
       is distinct from (old.requested_stake, old.requested_price, old.side) then
        raise exception 'bet %: what was asked of a venue stays as it was sent', old.id
            using errcode = 'check_violation', constraint = 'bet_order_steps';
    end if;
    if new.matched_stake < old.matched_stake then
        raise exception 'bet %: what is matched stays matched', old.id
            using errcode = 'check_violation', constraint = 'bet_order_steps';
    end if;
    if new.order_state <> old.order_state
       and not (old.order_state || '>' || new.order_state = any (array[
            'CREATED>SUBMITTED', 'CREATED>UNKNOWN', 'CREATED>ACCEPTED', 'CREATED>PARTIAL',
            'CREATED>FILLED', 'CREATED>CANCELLED', 'CREATED>LAPSED', 'CREATED>REJECTED',
            'SUBMITTED>UNKNOWN', 'SUBMITTED>ACCEPTED', 'SUBMITTED>PARTIAL', 'SUBMITTED>FILLED',
            'SUBMITTED>CANCELLED', 'SUBMITTED>LAPSED', 'SUBMITTED>REJECTED',
            'UNKNOWN>ACCEPTED', 'UNKNOWN>PARTIAL', 'UNKNOWN>FILLED', 'UNKNOWN>CANCELLED',
            'UNKNOWN>LAPSED', 'UNKNOWN>REJECTED',
            'ACCEPTED>PARTIAL', 'ACCEPTED>FILLED', 'ACCEPTED>CANCELLED', 'ACCEPTED>LAPSED',
            'PARTIAL>FILLED', 'PARTIAL>CANCELLED', 'PARTIAL>LAPSED'])) then
        raise exception 'bet %: its order cannot go from % to %',
            old.id, old.order_state, new.order_state
            using errcode = 'check_violation', constraint = 'bet_order_steps';
    end if;
    return new;
end $$;
create trigger bet_order_steps before insert or update on betting_bet
    for each row execute function betting_bet_order_steps();
"""
NO_STEPS = """
drop trigger bet_order_steps on betting_bet;
drop function betting_bet_order_steps();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0003_halts'),
    ]

    operations = [
        migrations.AddField(
            model_name='bet',
            name='latency_ms',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='bet',
            name='matched_price',
            field=models.DecimalField(blank=True, decimal_places=3, max_digits=9, null=True),
        ),
        migrations.AddField(
            model_name='bet',
            name='matched_stake',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, max_digits=12),
        ),
        migrations.AddField(
            model_name='bet',
            name='order_state',
            field=models.CharField(choices=[('CREATED', 'Created'), ('SUBMITTED', 'Submitted'), ('UNKNOWN', 'Unknown'), ('ACCEPTED', 'Waiting'), ('PARTIAL', 'Partly filled'), ('FILLED', 'Filled'), ('CANCELLED', 'Cancelled'), ('LAPSED', 'Lapsed'), ('REJECTED', 'Rejected')], db_default='', max_length=10),
        ),
        migrations.AddField(
            model_name='bet',
            name='requested_price',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=3, max_digits=9),
        ),
        migrations.AddField(
            model_name='bet',
            name='requested_stake',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, max_digits=12),
        ),
        migrations.RunSQL(AS_IT_WAS, migrations.RunSQL.noop),
        migrations.RunSQL(STEPS, NO_STEPS),
        migrations.AddConstraint(
            model_name='bet',
            constraint=models.CheckConstraint(condition=models.Q(('matched_stake__gte', 0), ('matched_stake__lte', models.F('requested_stake'))), name='bet_matched_within_requested'),
        ),
        migrations.AddConstraint(
            model_name='bet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('matched_price__isnull', True), ('matched_stake', 0)), models.Q(('matched_price__gt', 1), ('matched_price__isnull', False), ('matched_stake__gt', 0)), _connector='OR'), name='bet_matched_has_its_price'),
        ),
        migrations.AddConstraint(
            model_name='bet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('order_state__in', ['FILLED', 'CANCELLED', 'LAPSED', 'REJECTED']), ('matched_stake__gt', 0), ('stake', models.F('matched_stake'))), models.Q(models.Q(models.Q(('order_state__in', ['FILLED', 'CANCELLED', 'LAPSED', 'REJECTED']), _negated=True), ('matched_stake', 0), _connector='OR'), ('stake', models.F('requested_stake'))), _connector='OR'), name='bet_stake_is_what_stands'),
        ),
        migrations.AddConstraint(
            model_name='bet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('order_state__in', ['CREATED', 'SUBMITTED', 'UNKNOWN', 'ACCEPTED', 'REJECTED']), ('matched_stake', 0)), models.Q(('matched_stake__gt', 0), ('matched_stake__lt', models.F('requested_stake')), ('order_state', 'PARTIAL')), models.Q(('matched_stake', models.F('requested_stake')), ('order_state', 'FILLED')), models.Q(('matched_stake__lt', models.F('requested_stake')), ('order_state__in', ['CANCELLED', 'LAPSED'])), _connector='OR'), name='bet_order_is_as_full_as_it_says'),
        ),
        migrations.AddConstraint(
            model_name='bet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('order_state__in', ['CREATED', 'SUBMITTED']), ('status', 'RESERVED')), models.Q(('order_state', 'UNKNOWN'), ('status', 'UNKNOWN')), models.Q(('order_state', 'REJECTED'), ('status', 'REJECTED')), models.Q(('status', 'CANCELLED'), ('order_state__in', ['FILLED', 'CANCELLED', 'LAPSED', 'REJECTED'])), models.Q(('status', 'ACCEPTED'), models.Q(('order_state__in', ['ACCEPTED', 'PARTIAL', 'FILLED']), models.Q(('matched_stake__gt', 0), ('order_state__in', ['CANCELLED', 'LAPSED'])), _connector='OR')), models.Q(('status', 'SETTLED'), models.Q(('order_state__in', ['ACCEPTED', 'PARTIAL', 'FILLED']), models.Q(('matched_stake__gt', 0), ('order_state__in', ['CANCELLED', 'LAPSED'])), _connector='OR'), ('order_state__in', ['FILLED', 'CANCELLED', 'LAPSED', 'REJECTED'])), _connector='OR'), name='bet_status_is_that_of_its_order'),
        ),
    ]
