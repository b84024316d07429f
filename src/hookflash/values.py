"""What the single values of a request may look like: ids, addresses, texts and times."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

LegId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:~+@-]{0,127}$")]
"""A provider's own id of a leg. No ``/`` (Temporal's HTTP API answers 404 for ids with one)."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An identifier: letters, digits, dot, underscore and hyphen."""

Reference = Annotated[str, StringConstraints(pattern=r"^ref\.[A-Za-z0-9._-]{1,31}\.[a-z2-7]{26}$")]
"""A keyed hash, see `hookflash.references`: anything else is refused, as it stands where everybody can read it."""

HeaderWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
"""The last part of a header's name: letters, digits and hyphen."""

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text. Control characters are refused: they would be header injection in SIP."""

UserToUser = Annotated[
    str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}){1,128}(;(purpose|content|encoding)=[A-Za-z0-9.-]{1,40}){0,3}$")
]
"""User-to-User information as RFC 7433 writes it, in hexadecimal: ``56a390f3d2b7310023a2;encoding=hex``."""

Address = Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[a-z]+:[!-~]+$")]
"""``scheme:rest`` in visible ASCII, as the provider documents it: ``pjsip:claims``, ``sim:bob?answer=2s``."""

RecordingName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,5}$")
]
"""A live recording, as the provider knows it: words separated by ``/``."""

Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))]
