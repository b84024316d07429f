"""The files that an operator deploys, judged by their own programs, and run as far as that goes without containers."""
