"""Where the Temporal UI shows a thing: paths below a namespace, and the address that one of them has."""

from urllib.parse import quote, urlsplit

NAMESPACE = ""
"""The namespace itself: retention, versions, and the search attributes that are registered."""


def workflow(id: str, run_id: str | None = None) -> str:
    """Return the path of a workflow's run.

    Args:
        id: Workflow id.
        run_id: The run. Default: the UI turns to the latest.
    """
    path = f"workflows/{quote(id, safe='')}"
    return f"{path}/{run_id}/history" if run_id else path


def workflows(query: str) -> str:
    """Return the path of the list of what a query finds, in Temporal's words."""
    return f"workflows?query={quote(query, safe='')}"


def task_queue(name: str) -> str:
    """Return the path of a task queue, with the workers that ask for its work."""
    return f"task-queues/{quote(name, safe='')}"


def deployment(name: str) -> str:
    """Return the path of a worker deployment, with its builds."""
    return f"worker-deployments/{quote(name, safe='')}"


def address(base: str | None, target_host: str, namespace: str, path: str) -> str | None:
    """Return the address of a page of the Temporal UI, None if nobody said where the UI is.

    Args:
        base: The UI's address, if it is known.
        target_host: `host:port` of the server. A development server on this machine has its UI 1000 ports above.
        namespace: Temporal's namespace.
        path: Of the page, below the namespace.
    """
    if not base:
        parts = urlsplit(f"//{target_host.rpartition('//')[2]}")
        if parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            return None
        base = f"http://localhost:{(parts.port or 7233) + 1000}"
    return "/".join(filter(None, (base.rstrip("/"), "namespaces", quote(namespace, safe=""), path)))
