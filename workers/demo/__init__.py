"""``python -m workers.demo``: scripted transfers on a simulated exchange, to be watched in a terminal."""
