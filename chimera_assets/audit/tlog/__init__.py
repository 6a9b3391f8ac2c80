"""The open formats of transparency logs: Merkle trees, tiles, checkpoints, proofs, witnesses.

Everything here is computed from what it is given: nothing reads a file, a database, the network or
the clock. Each module speaks one format: `merkle` RFC 6962, the others those of c2sp.org. What is
read is taken in one form only, the one that would be written.
"""
