"""Measurements side by side: the engine and what it is compared with, in turns, in one run on one machine.

``python -m benchmarks`` runs them and writes ``docs/performance.md``. Nothing here is asserted: a busy machine makes
every figure larger, and only the ratio of two that were taken in turns means something.
"""
