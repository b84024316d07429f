"""Temporal activities: everything a transfer does to the world."""
