"""Ids of legs and rooms, minted by the workflow before the provider hears of them."""

import uuid

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122's for URLs: a leg's name is one


def mint(run: str, name: str) -> str:
    """Return an id of fixed length: Asterisk takes the prefix of a live id for that id.

    Args:
        run: Run id of the workflow. The same name in the same run is the same leg, in a replay too.
        name: Name of the leg or room, unique in the run.
    """
    return f"hf-{uuid.uuid5(_NAMESPACE, f'{run}/{name}').hex}"
