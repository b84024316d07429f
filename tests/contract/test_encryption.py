"""Payloads that only holders of a key can read, and the file with the keys."""

import base64
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError

from hookflash import EncryptionError, Hold
from hookflash.converter import INVALID_REQUEST, data_converter
from hookflash.encryption import KeysFile, RefusingCodec, encrypted

NAME = "Zebulon Quuxworthy"


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


OLD, NEW = f"2026-10 {key()}", f"2026-11 {key()}"


class Place:
    """A file with keys."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def holds(self, *lines: str) -> None:
        """Replace it, as secret stores do."""
        new = self.path.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for line in lines))
        new.replace(self.path)

    def converter(self) -> DataConverter:
        return encrypted(data_converter, self.path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "keys")
    place.holds(NEW, OLD)
    return place


async def test_what_was_encrypted_is_read_again(place: Place) -> None:
    converter = place.converter()
    (payload,) = await converter.encode([{"name": NAME}])
    assert dict(payload.metadata) == {"encoding": b"binary/encrypted", "encryption-key-id": b"2026-11"}
    assert NAME.encode() not in payload.SerializeToString()
    assert await converter.decode([payload]) == [{"name": NAME}]


async def test_the_same_text_never_looks_the_same(place: Place) -> None:
    payloads = await place.converter().encode([NAME] * 50)
    assert len({it.data[:12] for it in payloads}) == 50
    assert len({it.data[12:] for it in payloads}) == 50


async def test_the_form_is_that_of_temporals_samples(place: Place) -> None:
    """In words of its own, as the codecs of other languages have it: nonce, ciphertext, tag, and nothing more."""
    secret = AESGCM(base64.b64decode(NEW.split()[1]))
    (payload,) = await place.converter().encode([NAME])
    inner = Payload.FromString(secret.decrypt(payload.data[:12], payload.data[12:], None))
    assert inner == Payload(metadata={"encoding": b"json/plain"}, data=f'"{NAME}"'.encode())

    nonce = os.urandom(12)
    foreign = Payload(
        metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"2026-11"},
        data=nonce + secret.encrypt(nonce, inner.SerializeToString(), None),
    )
    assert await place.converter().decode([foreign]) == [NAME]


async def test_what_is_in_clear_is_read_too(place: Place) -> None:
    payloads = await data_converter.encode([NAME, None])
    assert await place.converter().decode(payloads) == [NAME, None]


async def test_a_failure_tells_neither_its_message_nor_where_it_happened(place: Place) -> None:
    converter = place.converter()
    failure = Failure()
    try:
        raise ApplicationError(f"{NAME} is unknown", {"name": NAME}, type="Unknown")
    except ApplicationError as error:
        await converter.encode_failure(error, failure)
    assert NAME.encode() not in failure.SerializeToString()
    assert failure.message == "Encoded failure"
    assert not failure.stack_trace
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.type, list(read.details)) == (f"{NAME} is unknown", "Unknown", [{"name": NAME}])


async def test_old_keys_read_and_the_first_one_writes(place: Place) -> None:
    place.holds(OLD)
    converter = place.converter()
    (before,) = await converter.encode([1])
    place.holds(OLD, NEW)  # first everybody can read the new one
    (meanwhile,) = await converter.encode([2])
    place.holds(NEW, OLD)
    (after,) = await converter.encode([3])
    ids = [it.metadata["encryption-key-id"] for it in (before, meanwhile, after)]
    assert ids == [b"2026-10", b"2026-10", b"2026-11"]
    assert await converter.decode([before, meanwhile, after]) == [1, 2, 3]

    place.holds(NEW)
    assert await converter.decode([after]) == [3]
    with pytest.raises(EncryptionError, match=r"encrypted with key '2026-10', which is not in .*keys$"):
        await converter.decode([before])


async def test_a_mistake_in_a_file_that_changes_does_not_stop_us(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    converter = place.converter()
    place.holds("2026-12 non-sense")
    payloads = await converter.encode([1]) + await converter.encode([2])
    assert await converter.decode(payloads) == [1, 2]
    # Not what others log meanwhile, as asyncio does of an earlier test's leavings.
    ours = [it for it in caplog.records if it.name.startswith("hookflash.")]
    warnings = [it.getMessage() for it in ours if it.levelname == "WARNING"]
    assert warnings == [
        f"the keys that were there before are used on: {place.path}, line 1: key 2026-12 is not in base64"
    ]
    place.path.unlink()
    assert await converter.decode(payloads) == [1, 2]
    place.holds(OLD)
    assert (await converter.encode([3]))[0].metadata["encryption-key-id"] == b"2026-10"


@pytest.mark.parametrize("change", ["data", "key"])
async def test_what_was_changed_is_refused(place: Place, change: str) -> None:
    converter = place.converter()
    (payload,) = await converter.encode([NAME])
    if change == "data":
        payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    else:
        payload.metadata["encryption-key-id"] = b"2026-10"
    with pytest.raises(EncryptionError, match=r"was not encrypted with key '2026-1.' of .*, or has been changed since"):
        await converter.decode([payload])


@pytest.mark.parametrize(
    "payload",
    [
        Payload(metadata={"encoding": b"binary/encrypted"}, data=bytes(40)),
        Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"no/key"}, data=bytes(40)),
        Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"\xff"}, data=bytes(40)),
        Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"2026-11"}, data=bytes(27)),
    ],
)
async def test_what_nobody_could_decrypt_is_answered_like_any_wrong_input(place: Place, payload: Payload) -> None:
    """It must not wait for a key that cannot exist: whoever sends it would stop a transfer for ever."""
    for converter in (place.converter(), data_converter):
        with pytest.raises(
            ApplicationError, match=r"invalid Hold: Input should be JSON, not binary/encrypted"
        ) as error:
            await converter.decode([payload], [Hold])
        assert error.value.type == INVALID_REQUEST


async def test_without_keys_what_is_encrypted_is_refused_by_name(place: Place) -> None:
    payloads = await place.converter().encode([NAME])
    with pytest.raises(EncryptionError, match="with key '2026-11', and there are no keys here: set HOOKFLASH_ENCRYP"):
        await data_converter.decode(payloads)
    assert isinstance(data_converter.payload_codec, RefusingCodec)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ": there is no key in it"),
        (["# nothing yet", ""], ": there is no key in it"),
        ([OLD.split()[1]], ", line 1: has to be an id and a key, with a space between them"),
        (["", OLD + " " + NEW], ", line 2: has to be an id and a key"),
        ([" ".join(reversed(OLD.split()))], ", line 1: the id has to be 1 to 31 letters"),
        ([OLD, f"two/three {key()}"], ", line 2: the id has to be"),
        (["a correct-horse-battery"], ", line 1: key a is not in base64"),
        ([OLD, f"b {base64.b64encode(bytes(16)).decode()}"], ", line 2: key b has 16 bytes, not 32"),
        ([OLD, NEW, f"2026-10 {key()}"], ", line 3: there is another key 2026-10 above"),
    ],
)
def test_a_wrong_file_is_named_with_the_line_and_never_with_a_key(place: Place, lines: list[str], said: str) -> None:
    place.holds(*lines)
    with pytest.raises(EncryptionError) as error:
        KeysFile(place.path)
    assert f"{place.path}{said}" in str(error.value)
    for word in {word for line in lines for word in line.split() if len(word) > 12}:
        assert word not in str(error.value)


def test_a_file_that_is_not_there_or_no_text_is_named(place: Place) -> None:
    place.path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EncryptionError, match="keys: not a file with one key a line"):
        KeysFile(place.path)
    place.path.unlink()
    with pytest.raises(EncryptionError, match="keys: No such file or directory"):
        KeysFile(place.path)


def test_comments_and_empty_lines_are_skipped(place: Place) -> None:
    place.holds("# made by the operator", "", f"  {NEW}  ", OLD)
    assert KeysFile(place.path).ids == ("2026-11", "2026-10")


def test_without_the_package_the_error_says_what_to_install(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(EncryptionError, match=r"install hookflash\[encryption\]"):
        KeysFile(place.path)
