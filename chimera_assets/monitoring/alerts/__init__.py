"""Who is on call is told what goes wrong, once, and once more when it has passed.

`facts` reads what happened from Dagster's records, `conditions` decides what of it is news,
`wording` says it, `outbox` keeps it until every destination has taken it, `sensor` does all of that
every minute.
"""
