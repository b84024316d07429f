"""Processes of the engine: settings, the connection to Temporal, workers and their entry points."""
