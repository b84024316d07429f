"""What looks like a telephone number is not logged, whoever says it; ids are."""

import logging
import sys

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from hookflash.converter import data_converter
from workers.redaction import RedactingFormatter, redacted


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("dialled +4915550100017 twice", "dialled +[…] twice"),
        ("PJSIP/+4915550100017@trunk", "PJSIP/+[…]@trunk"),
        ("to <sip:carol@192.0.2.1:5060>", "to <sip:[…]>"),
        ("SIPS:4915550100017@example.org;user=phone", "SIPS:[…]"),
        ("tel:+4915550100017, again", "tel:[…], again"),
        ("number '4915550100017'", "number '[…]'"),
        ("field 015550100017: extra", "field […]: extra"),
    ],
)
def test_numbers_are_taken_out(said: str, logged: str) -> None:
    assert redacted(said) == logged


@pytest.mark.parametrize(
    "said",
    [
        "listening to node, 3 transfers look at the real state",
        "leg 1763773200.17 of transfer:pbx-1:1763773200.17",
        "leg hf-01a20323-df20-75d5-809c-42ae6e5b8b6b-1",
        "run_id 01a20323-df20-75d5-809c-42ae6e5b8b6b",
        "channel PJSIP/claims-00000017",
        "all@4194301@host",
        "retry_in=0.2s: connection to 127.0.0.1:7233",
        "2026-11-22 12:03:33,389 WARNING",
        "HOOKFLASH_TENANTS_FILE: tenants.default.deny",
    ],
)
def test_ids_and_times_stay(said: str) -> None:
    assert redacted(said) == said


class Told(BaseModel):
    """Something that pydantic can refuse."""

    number: int


def test_what_pydantic_quotes_is_taken_out_of_tracebacks_too() -> None:
    name = "Zebulon Quuxworthy"
    try:
        TypeAdapter(list[Told]).validate_python([{"number": f"{name}, and {name}"}, {"number": [name, name]}])
    except ValidationError:
        exc_info = sys.exc_info()
    else:
        raise AssertionError
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "no good", (), exc_info)
    assert name in logging.Formatter().format(record)
    logged = RedactingFormatter().format(record)
    assert name not in logged
    assert logged.count("input_value=[…], input_type=") == 2


async def test_what_cannot_be_read_is_told_without_what_was_sent() -> None:
    """A fault of ours is not answered as a caller's would be, but it goes to the log all the same."""
    payloads = await data_converter.encode([{"number": "Zebulon Quuxworthy"}])
    with pytest.raises(ValidationError, match=r"number\n  Input should be a valid integer") as error:
        await data_converter.decode(payloads, [Told])
    assert "Zebulon" not in str(error.value)
    assert error.value.__context__ is None
