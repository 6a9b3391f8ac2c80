"""The measures: each module here is one, found by being here.

A module has a docstring (its first line is the title), `ROWS`, how many rows it takes by default,
and `measure(rows, home)`, which gets a folder of its own and gives an `Outcome`.
"""
