"""Runs, for those who know no Dagster: what happened in them, and what their parts are called.

`orchestration` runs the jobs by these names and reads these facts from Dagster's records; whoever
tells of runs - alerts, pages, an API - goes by them alone.
"""
