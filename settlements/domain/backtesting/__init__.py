"""Betting over history in memory, by the functions that live betting is made of.  Pure.

``plans``       what is asked: the strategy's numbers, its limits, its money
``history``     what is known: candidates, their prices as of the decision, how they ended
``appraising``  which candidates are worth a bet: ``betting.domain.selecting`` over whole arrays
``money``       amounts in whole cents: ``staking.share_of`` and the rules of payment in integers
``staking``     the bankroll from bet to bet, in integers, where the limits allow it
``exact``       the same by ``betting.domain.sizing`` itself, whatever the limits
``engine``      both behind one face: a history and a plan in, bets out
``measuring``   what the bets came to, and where candidates without a bet stopped

What stands here a second time is held equal to what live betting does, property by property.
"""
