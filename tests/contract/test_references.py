"""References: the same for every way to write a number, and nothing that anybody without the key can tell or try."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from pydantic import ValidationError

from hookflash import EncryptionError, ReferenceKeys, TransferRequest, reference
from hookflash.references import normalised
from tests.contract.conftest import NewRequest

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
KNOWN = "ref.k.6vgvytndc4wfromxzm56i23vcu"
"""Made by openssl, by what docs/security.md says."""


@pytest.mark.parametrize(
    "written",
    ["+49301234567", " +49 30 123 45 67\n", "tel:+49-30-123-4567", "TEL:+49.30.1234567", "+49 (30) 123/4567"],
)
def test_every_way_to_write_a_number_has_one_reference(written: str) -> None:
    assert normalised(written) == "+49301234567"
    assert reference(written, "k", KEY) == KNOWN


def test_numbers_keys_and_their_ids_make_a_difference() -> None:
    made = {
        reference("+49301234567", "k", KEY),
        reference("+49301234568", "k", KEY),
        reference("49301234567", "k", KEY),
        reference("0301234567", "k", KEY),
        reference("1042", "k", KEY),
        reference("*42#", "k", KEY),
        reference("+49301234567", "k", OTHER),
        reference("+49301234567", "l", KEY),
    }
    assert len(made) == 8


def test_the_key_used_for_something_else_tells_nothing() -> None:
    plain = hmac.new(KEY, b"+49301234567", hashlib.sha256).digest()[:16]
    assert base64.b32encode(plain).decode().rstrip("=").lower() not in KNOWN


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "",
            "+",
            "Carol Danvers",
            "+0301234567",
            "+49 (0)30 1234567",
            "+49301234567;ext=5",
            "+1234",
            "+4930123456789012",
        ),
        *("sip:carol@example.com", "\u0664\u0662\u0664\u0662", "+49\u00b230123456"),
    ],
)
def test_what_is_no_number_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"is no number|leave the \(0\) out") as refused:
        reference(wrong, "k", KEY)
    assert len(wrong) < 2 or wrong not in str(refused.value)


@pytest.mark.parametrize(("id", "key"), [("k", KEY[1:]), ("", KEY), ("a b", KEY), ("k" * 32, KEY)])
def test_a_key_that_is_none_is_refused(id: str, key: bytes) -> None:
    with pytest.raises(ValueError, match="has to"):
        reference("1042", id, key)


def test_keys_are_read_from_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    new, old = (base64.b64encode(it).decode() for it in (OTHER, KEY))
    file.write_text(f"# of references\n2027 {new}\nk {old}\n")
    keys = ReferenceKeys.read(file)
    made = keys.references("+49 30 1234567")
    assert (made[0], made[1]) == (keys.reference("+49301234567"), KNOWN)
    assert made[0].startswith("ref.2027.")
    assert new not in repr(keys)
    assert repr(OTHER) not in repr(keys)
    file.write_text(f"2027 {new[:8]}\n")
    with pytest.raises(EncryptionError, match="line 1: key 2027") as refused:
        ReferenceKeys.read(file)
    assert new[:8] not in str(refused.value)


def test_a_request_takes_references_and_nothing_else_there(new_request: NewRequest) -> None:
    longest = reference("1042", "k" * 31, KEY)
    assert len(longest) == 62
    assert new_request(references=(KNOWN, longest)).references == (KNOWN, longest)
    for wrong in ("+49301234567", "49301234567", "Carol Danvers", f"{KNOWN} ", KNOWN.upper(), "ref..".ljust(31, "a")):
        with pytest.raises(ValidationError, match="references"):
            new_request(references=(wrong,))


def test_a_start_that_is_repeated_with_new_keys_is_the_same_one(new_request: NewRequest) -> None:
    request: TransferRequest = new_request()
    assert request.model_copy(update={"references": (KNOWN,)}).fingerprint() == request.fingerprint()
