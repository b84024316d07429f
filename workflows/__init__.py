"""Temporal workflows: a transfer as a contact centre would describe it."""
