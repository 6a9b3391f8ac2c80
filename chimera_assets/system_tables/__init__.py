"""The platform's own tables in the lake: their schemas, and named readers of what they hold.

They stand in the layer `quality`: `batches` (how many rows of each hour went where),
`check_results` (what every rule found), `column_profiles` (what columns were like), `dropped` (the
deletion log), `legal_holds`, `replays` and `upkeep`. Nobody else opens them by name.
"""
