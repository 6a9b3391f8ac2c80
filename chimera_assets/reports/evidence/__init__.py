"""Evidence bundles: written, signed, and verified by whoever has them and the public keys.

Everything here is computed from what it is given: nothing knows a lake, a database or the clock.
The formats are those of docs/evidence-format.md, from which others verify them too.
"""
