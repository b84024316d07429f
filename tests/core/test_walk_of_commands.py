"""What a command does in every state in which it is accepted."""

import pytest

from hookflash import Actor, Cause, CommandName, Mode, Outcome
from tests.core.holding import every_command, every_state
from tests.core.walk import Space
from workflows.core import Command, Standing, State, possible

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test


def test_7_cancel_and_unhold_are_accepted_until_the_end(space: Space) -> None:
    def holds(state: State) -> bool:
        return state.ending is not None or {CommandName.CANCEL, CommandName.UNHOLD} <= set(possible(state))

    every_state(space, holds)


def test_7_swap_brings_the_agent_to_the_other_one(space: Space) -> None:
    def holds(before: State, _: Command, after: State) -> bool:
        if before.target.up:
            changed = (after.customer, after.target) == (before.target, before.customer)
        else:
            talking = before.customer is before.agent is Standing.IN_ROOM
            changed = after.customer is (Standing.ON_HOLD if talking else Standing.IN_ROOM)
        return changed and after.agent is Standing.IN_ROOM

    every_command(space, CommandName.SWAP, holds)


def test_7_retarget_rings_the_new_target_and_leaves_no_agent_outside(space: Space) -> None:
    def holds(before: State, command: Command, after: State) -> bool:
        left_alone = before.target.up and before.agent.up
        alone = all(it.standing is Standing.DISMISSED for it in after.rivals)
        rings = after.target is Standing.RINGING and after.current == command.target and alone
        return rings and (after.agent is Standing.IN_ROOM if left_alone else after.agent is before.agent)

    every_command(space, CommandName.RETARGET, holds)


def test_7_conference_brings_everybody_together(space: Space) -> None:
    def holds(before: State, _: Command, after: State) -> bool:
        target = Standing.IN_ROOM if before.target.up else before.target
        return after.customer is after.agent is Standing.IN_ROOM and after.target is target

    every_command(space, CommandName.CONFERENCE, holds)


def test_7_complete_ends_the_transfer_or_leaves_the_ringing_target_to_the_customer(space: Space) -> None:
    def holds(before: State, command: Command, after: State) -> bool:
        if not before.target.up:
            return after.agent is Standing.GONE and after.target is before.target and after.ending is None
        outcome = Outcome.CONSULTED if after.rules.mode is Mode.CONSULT else Outcome.CONNECTED
        return after.ending == (outcome, None, command.by)

    every_command(space, CommandName.COMPLETE, holds)


def test_7_cancel_gives_the_customer_back_and_says_who_wanted_it(space: Space) -> None:
    def holds(before: State, command: Command, after: State) -> bool:
        cause = Cause.OPERATOR_CANCELLED if command.by is Actor.OPERATOR else Cause.AGENT_CANCELLED
        if before.agent.up:
            return after.ending == (Outcome.CANCELLED, cause, command.by)
        return before.agent.returning or (after.fallback == before.fallback + 1 and after.cause is cause)

    every_command(space, CommandName.CANCEL, holds)


def test_7_a_refused_command_says_why(space: Space) -> None:
    # Also that of every command: nothing else can be refused, and each is refused, or changes something, or does not.
    reasons = {reason for refusals in space.refused.values() for _, reason in refusals}
    assert reasons
    assert [reason for reason in reasons if len(reason.split()) < 4] == []
