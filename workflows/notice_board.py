"""What operators see: the status, the details page of the Temporal UI, and the search attributes."""

from collections import deque
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from activities.telephony.model import Placement
from hookflash import Deadline, JournalEntry, LegStatus, Mode, Stage, TransferRequest, TransferResult, TransferStatus
from hookflash import names as attributes
from workflows.call import Call
from workflows.core import State, placements, possible
from workflows.feature_codes import usable
from workflows.timers import Wait
from workflows.wording import details

JOURNAL_LENGTH = 50
"""Entries of the journal that are kept; the whole story is in the workflow's history."""


class NoticeBoard:
    """Collects what there is to know of a transfer, and posts it where operators look."""

    def __init__(self) -> None:
        """Start with an empty board: it can be read before the request is known."""
        self._journal: deque[JournalEntry] = deque(maxlen=JOURNAL_LENGTH)
        self._status: TransferStatus | None = None
        self._posted: dict[str, object] = {}
        self._fingerprint = ""
        self.result: TransferResult | None = None
        self.noted = 0
        """How many lines the journal ever had."""

    @property
    def status(self) -> TransferStatus:
        """What was last posted."""
        if self._status is None:
            journal = tuple(self._journal)
            return TransferStatus(
                mode=Mode.WARM, stage=Stage.STARTING, legs=(), possible=(), deadlines=(), journal=journal
            )
        return self._status

    def since(self, noted: int) -> TransferStatus:
        """Return the same for whoever gave a command: every answer stays in the history, so its journal is short.

        Args:
            noted: How many lines there were when the command came. The answer has those that have come since.
        """
        new = min(self.noted - noted, len(self.status.journal))
        return self.status.model_copy(update={"journal": self.status.journal[len(self.status.journal) - new :]})

    def note(self, text: str) -> None:
        """Write a line into the journal."""
        if text:
            self._journal.append(JournalEntry(at=workflow.now(), text=text))
            self.noted += 1

    def announce(self, request: TransferRequest) -> None:
        """Take in what is known before the policy has been asked. It is posted with what comes next."""
        self._fingerprint = request.fingerprint()
        self._status = self.status.model_copy(update={"mode": request.mode, "fingerprint": self._fingerprint})

    def post_unbegun(self, request: TransferRequest) -> None:
        """Post what is known of a transfer that fails before it begins: it can be found all the same."""
        found_by = [attributes.TRANSFER_LEGS.value_set(list(request.references))] if request.references else []
        self._write([*_fixed(request), *found_by, attributes.TRANSFER_STAGE.value_set(Stage.STARTING.value)])

    def note_at_once(self, text: str) -> None:
        """Write a line into the journal of a transfer to which nothing else happens: nobody is going to post it."""
        self.note(text)
        if self._status is not None:
            self._status = self._status.model_copy(update={"journal": tuple(self._journal)})
            workflow.set_current_details(details(self._status))

    def post(self, call: Call, state: State, waits: tuple[Wait, ...], *, arranging: bool) -> None:
        """Post the present state everywhere.

        Args:
            call: The call.
            state: What is to be true.
            waits: Waits that run.
            arranging: Whether it is being made true. Attributes wait for what comes of it, or whoever gave a command
                waits for them (2 of 13 ms). Not those by which a leg is found: it may be rung in this very step.
        """
        where = placements(state)
        self._status = TransferStatus(
            mode=call.request.mode,
            stage=state.stage,
            legs=tuple(
                LegStatus(party=ref.party, leg=call.legs[ref].id, name=call.name(ref), placement=placement.value)
                for ref, placement in where.items()
                if placement is not Placement.GONE
            ),
            possible=possible(state),
            feature_codes=usable(call.request.policy.feature_codes, state),
            deadlines=tuple(Deadline(wait=wait.timer.value, name=wait.text, at=wait.until) for wait in waits),
            journal=tuple(self._journal),
            fingerprint=self._fingerprint,
            result=self.result,
        )
        workflow.set_current_details(details(self._status))
        if not state.closing:
            self._upsert(call.request, state, arranging)

    def _upsert(self, request: TransferRequest, state: State, arranging: bool) -> None:
        """Write the search attributes that have changed: each write is an event of the history, and has its price."""
        status = self.status
        customer = next((leg for leg in status.legs if leg.leg == request.customer.leg), None)
        held = customer is not None and customer.placement == Placement.ON_HOLD
        values: list[SearchAttributeUpdate[Any]] = [
            *_fixed(request),
            attributes.TRANSFER_STAGE.value_set(state.stage.value),
            attributes.TRANSFER_HELD.value_set(held),
        ]
        if self.result is None or attributes.TRANSFER_LEGS.name not in self._posted:
            legs = [leg.leg for leg in status.legs] or [request.customer.leg]
            # The one list of words by which a transfer is found. No leg has the form of a reference.
            found_by = attributes.TRANSFER_LEGS.value_set([*legs, *request.references])
            if arranging and self._posted.get(found_by.key.name) == found_by.value:
                return
            values.append(found_by)
        if self.result is not None:
            values.append(attributes.TRANSFER_OUTCOME.value_set(self.result.outcome.value))
            if self.result.cause is not None:
                values.append(attributes.TRANSFER_CAUSE.value_set(self.result.cause.value))
        self._write(values)

    def _write(self, values: list[SearchAttributeUpdate[Any]]) -> None:
        changed = [it for it in values if self._posted.get(it.key.name) != it.value]
        self._posted.update({it.key.name: it.value for it in changed})
        if changed:
            # The SDK leaves the element type of the sequence open, for which the whole signature counts as unknown.
            workflow.upsert_search_attributes(changed)  # pyright: ignore[reportUnknownMemberType]


def _fixed(request: TransferRequest) -> list[SearchAttributeUpdate[Any]]:
    values: list[SearchAttributeUpdate[Any]] = [
        attributes.TRANSFER_MODE.value_set(request.mode.value),
        attributes.TRANSFER_PROVIDER.value_set(request.provider),
        attributes.TRANSFER_TENANT.value_set(request.tenant),
    ]
    return values + ([attributes.TRANSFER_AGENT.value_set(request.agent.id)] if request.agent.id else [])
