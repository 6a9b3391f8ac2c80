"""What others do with the same rows: each module runs in the peer's own environment.

Only the standard library, the peer and what it brings can be imported here.
"""
