"""The assets by layer and what runs them: with the definitions, all that knows Dagster."""

import warnings

from chimera_assets.start_cost import collect_rarely

collect_rarely()

import dagster as dg  # noqa: E402 - loads much

# Partitioned checks and single-run backfills are marked as new in the release that is pinned; to be
# warned of it at every start helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
