"""What the three Betfair sources share: one publisher's ids, markets and names."""
