"""``python -m workers ingress``: takes the webhooks of providers that call them, and signals transfers."""
