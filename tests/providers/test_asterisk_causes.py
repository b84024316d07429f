"""Asterisk's causes in our words, row by row of what was measured on Asterisk 22."""

import pytest

from activities.telephony.asterisk.causes import ending
from activities.telephony.model import Phase
from hookflash import Cause

RANG, SILENT, TALKED = Phase.RINGING, Phase.DIALLING, Phase.ANSWERED


@pytest.mark.parametrize(
    ("q850", "sip", "soft", "phase", "cause"),
    [
        pytest.param(19, 480, True, RANG, Cause.NO_ANSWER, id="our timer"),
        pytest.param(19, 480, True, SILENT, Cause.UNREACHABLE, id="our timer, never rang"),
        pytest.param(19, 480, True, TALKED, Cause.NO_ANSWER, id="our timer, crossed by the answer"),
        pytest.param(19, 480, False, RANG, Cause.NO_ANSWER, id="the far end's 480"),
        pytest.param(19, 480, False, SILENT, Cause.UNREACHABLE, id="the far end's 480, never rang"),
        pytest.param(18, 408, False, RANG, Cause.NO_ANSWER, id="408"),
        pytest.param(18, 408, False, SILENT, Cause.UNREACHABLE, id="408, never rang"),
        pytest.param(19, None, True, RANG, Cause.NO_ANSWER, id="no status"),
        pytest.param(17, 486, False, SILENT, Cause.BUSY, id="486"),
        pytest.param(17, 600, False, RANG, Cause.BUSY, id="600"),
        pytest.param(21, 603, False, RANG, Cause.DECLINED, id="603"),
        pytest.param(21, 607, False, RANG, Cause.DECLINED, id="607"),
        pytest.param(21, 403, False, SILENT, Cause.DESTINATION_DENIED, id="403"),
        pytest.param(21, 401, False, SILENT, Cause.PROVIDER_ERROR, id="401"),
        pytest.param(1, 404, False, SILENT, Cause.INVALID_DESTINATION, id="404"),
        pytest.param(1, 604, False, SILENT, Cause.INVALID_DESTINATION, id="604"),
        pytest.param(22, 410, False, SILENT, Cause.INVALID_DESTINATION, id="410"),
        pytest.param(28, 484, False, SILENT, Cause.INVALID_DESTINATION, id="484"),
        pytest.param(58, 488, False, SILENT, Cause.PROVIDER_ERROR, id="488"),
        pytest.param(38, 500, False, SILENT, Cause.UNREACHABLE, id="500"),
        pytest.param(34, 503, False, SILENT, Cause.UNREACHABLE, id="503"),
        pytest.param(38, 599, False, SILENT, Cause.UNREACHABLE, id="unknown 5xx"),
        pytest.param(127, 499, False, SILENT, Cause.PROVIDER_ERROR, id="unknown 4xx"),
        pytest.param(23, 302, False, SILENT, Cause.UNREACHABLE, id="302, guarded"),
        pytest.param(16, None, True, RANG, Cause.RELEASED, id="our cancel"),
        pytest.param(26, None, True, RANG, Cause.RELEASED, id="our cancel, answered elsewhere"),
        pytest.param(16, 603, True, SILENT, Cause.RELEASED, id="deleted before it was dialled"),
        pytest.param(16, None, False, RANG, Cause.HUNG_UP, id="a caller gives up"),
        pytest.param(16, None, False, TALKED, Cause.HUNG_UP, id="hung up in talk"),
        pytest.param(16, None, True, TALKED, Cause.RELEASED, id="released in talk"),
        pytest.param(0, None, False, TALKED, Cause.PROVIDER_ERROR, id="hung up on the console"),
        pytest.param(17, None, False, SILENT, Cause.BUSY, id="a cause without a status"),
        pytest.param(99, None, False, SILENT, Cause.PROVIDER_ERROR, id="an unknown cause"),
    ],
)
def test_cause(q850: int, sip: int | None, soft: bool, phase: Phase, cause: Cause) -> None:
    how = ending(q850, sip, soft=soft, phase=phase, text="words")
    assert how.cause == cause
    assert how.evidence.sip_status == sip
    assert how.evidence.q850 == (q850 or None)
    assert how.evidence.text == "words"
