"""A stream's tables rewritten by a contract that has other types, or another key, than they have.

The new tables are made beside the old ones, day by day, by the ordinary judging; each then takes
the place of its old one in one commit. So readers see the one or the other, and whoever is
interrupted goes on with what is made already.
"""
