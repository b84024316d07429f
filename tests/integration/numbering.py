"""Which of a phone's many calls is which: every line has a number, which the calls of its parties carry."""

from collections.abc import Mapping

from hookflash import Context
from tests.rig.call import Call
from tests.rig.phone import Phone
from tests.rig.sip import Message
from tests.support.polling import eventually

_LINE = "X-Line"
_TARGET_LINE = "X-Transfer-Data-Line"


def numbered(line: int) -> dict[str, str]:
    """Return the variables of a leg that the contact centre connects."""
    return {f"PJSIP_HEADER(add,{_LINE})": str(line)}


def told(line: int) -> Context:
    """Return the context of a transfer, by which its target learns the number."""
    return Context(data={"Line": str(line)})


def line_of(invite: Message) -> int:
    """Return the line that an INVITE belongs to."""
    return int(invite.get(_LINE) or invite.get(_TARGET_LINE))


class NumberedCalls:
    """The calls of some phones by their line, which calls each of them once."""

    def __init__(self, phones: Mapping[str, Phone]) -> None:
        """Take the phones by their party."""
        self._phones = phones
        self._by_line: dict[str, dict[int, Call]] = {party: {} for party in phones}
        self._seen = dict.fromkeys(phones, 0)

    def of(self, party: str, line: int) -> Call | None:
        """Return the call of a line at the phone of a party, if it is there."""
        calls, by_line = self._phones[party].calls, self._by_line[party]
        for call in calls[self._seen[party] :]:
            again = line_of(call.invite)
            assert again not in by_line, f"line {again} was called twice at the {party}"
            by_line[again] = call
        self._seen[party] = len(calls)
        return by_line.get(line)

    async def wait(self, party: str, line: int, within: float) -> Call:
        """Return the call of a line at the phone of a party, as soon as it is there."""

        async def there() -> Call | None:
            return self.of(party, line)

        return await eventually(there, f"the call of line {line} at the {party}", within)
