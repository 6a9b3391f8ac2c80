"""The levels from which on exits mask, by the columns' classification, and the mask.

Every exit says which level it masks from on. What no contract describes is masked, too, as nobody
can say what it holds.
"""

from __future__ import annotations

#: Masked from this level on where no login stands between the reader and the values: Dagster's
#: pages, which show previews of tables.
PAGES_LEVEL = "L2"

#: Masked from this level on (personal and restricted data) for the operator at the command line,
#: who may ask to see them.
OPERATOR_LEVEL = "L3"

#: What is shown in place of a value.
MASK = "•••"
