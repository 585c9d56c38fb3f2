"""What the verbs of the command line do, as functions for Python and notebooks.

Each module joins what a verb joins and returns frames where the verb prints. Charts are those of
``reporting/figures.py``; ``fit`` and ``report`` are called as they are.
"""
