"""``python -m workers codec-server``: lets people with a token read in UI and CLI what is encrypted."""
