"""Lineage: from one record down to its source and up to the figures that count it; by column, too.

What is told is read off the tables themselves: their logs, their data files, and the platform's own
tables. Where a log or a file is gone, that is said, and nothing is guessed.
"""
