"""The checks: each compares something reported with something computed, from facts alone. They decide what ties; what
becomes of a difference is decided in ``book/breaks.py``, when they run in ``book/reconcile.py``."""
