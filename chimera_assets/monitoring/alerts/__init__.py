"""Who is on call hears of what goes wrong, once, and once more when it is over.

`conditions` decides what of the facts is news, `messages` words it, `outbox` keeps it until every
destination has accepted it, `sending` does all of that every minute.
"""
