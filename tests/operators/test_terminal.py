"""What others call their workflows does nothing to an operator's terminal."""

import pytest

from hookflash.names import WORKFLOW_TYPE
from tests.operators.operated import Operated

pytestmark = pytest.mark.timeout(200)


async def test_an_id_with_control_characters_is_printed_without_them(operated: Operated) -> None:
    id = "transfer:simulator:\x1b]0;mine\x07\x9b2J"
    await operated.client.start_workflow(WORKFLOW_TYPE, None, id=id, task_queue="nobody")
    await operated.visible("ExecutionStatus = 'Running'", 1)
    ran = await operated.run("list")
    assert "transfer:simulator:?]0;mine??2J" in ran.out
    assert not {"\x1b", "\x07", "\x9b"} & {*ran.out}
    held = await operated.run("cancel", "--query", "ExecutionStatus = 'Running'", answer="n")
    assert "transfer:simulator:?]0;mine??2J (starting)" in held.err
    assert "\x1b" not in held.err
