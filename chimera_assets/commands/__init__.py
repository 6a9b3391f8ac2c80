"""What the commands of `chimera` do and print; `cli.py` says which there are.

Each module is one command or one group of them. A command returns its exit code: 0 if all is well,
1 if it did what was asked and found that something is not. A mistake in an argument or a setting is
a `ChimeraError`, which `cli.py` turns into one line and exit code 2.
"""
