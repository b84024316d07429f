"""Looks for numbers and names wherever they may have been left."""

import base64
from collections.abc import Iterable
from pathlib import Path


def written_as(text: str) -> list[bytes]:
    """Return what a text looks like in a file: as it is, in JSON's escapes, and inside of base64."""
    plain = text.encode()
    forms = [plain, text.encode("ascii", "backslashreplace"), text.encode("utf-16-le"), plain.hex().encode()]
    # Base64 takes three bytes at a time: what a text becomes depends on where in the three it begins. The first and
    # the last characters depend on its neighbours too.
    for before in range(3):
        inside = base64.b64encode(b"\0" * before + plain)
        first = 0 if before == 0 else before + 1
        last = (before + len(plain)) * 8 // 6
        forms.append(inside[first:last])
    return forms


def found_in(content: bytes, texts: Iterable[str]) -> set[str]:
    """Return those of the texts that are in it, in any form, whatever the case of the letters."""
    folded = content.lower()
    return {text for text in texts if any(form.lower() in folded for form in written_as(text))}


def found_in_files(folder: Path, pattern: str, texts: Iterable[str]) -> set[str]:
    """Return those of the texts that are in any of the files."""
    texts = list(texts)
    files = sorted(folder.glob(pattern))
    assert files, f"there is no {pattern} in {folder}"
    return {text for file in files for text in found_in(file.read_bytes(), texts)}
