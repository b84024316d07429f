"""What each command does in each state, and why it is refused."""

from collections.abc import Callable, Iterator

from hookflash import Actor, Cause, CommandName, Mode, Outcome, Party
from workflows.core import rivals, steps
from workflows.core.deadlines import EXTENSIBLE, deadlines
from workflows.core.events import Command
from workflows.core.state import Standing, State


class Refused(Exception):
    """The command makes no sense now. The message says why, in the caller's words; nothing has changed."""


def obey(state: State, command: Command) -> State:
    """Return the state after a command.

    Raises:
        Refused: The command is not possible now.
    """
    if state.ending:
        raise Refused("the transfer is over" if state.ended else "the transfer is ending already")
    return _HANDLERS[command.name](state, command)


def possible(state: State) -> tuple[CommandName, ...]:
    """Return the commands that would be accepted now, for at least one party or wait."""
    return tuple(name for name in CommandName if any(_accepts(state, command) for command in _variants(state, name)))


def _variants(state: State, name: CommandName) -> Iterator[Command]:
    match name:
        case CommandName.HOLD | CommandName.UNHOLD:
            yield from (Command(name, party) for party in Party)
        case CommandName.EXTEND:
            yield from (Command(name, timer=timer) for timer in EXTENSIBLE)
        case _:
            # Retarget is judged by the state alone, so any planned target will do.
            yield Command(name, target=state.current)


def _accepts(state: State, command: Command) -> bool:
    try:
        obey(state, command)
    except Refused:
        return False
    return True


def _hold(state: State, command: Command) -> State:
    return _place(state, command.party, Standing.ON_HOLD)


def _unhold(state: State, command: Command) -> State:
    if command.party is not Party.CUSTOMER:
        return _place(state, command.party, Standing.IN_ROOM)
    state = _place(state, Party.CUSTOMER, Standing.IN_ROOM)
    if not state.agent.up:
        return state  # on the way to somebody already; repeating it is harmless
    if not state.target.there:
        return steps.give_back(state, Outcome.RETURNED_TO_AGENT, state.cause, command.by)
    # In a cold transfer the customer waits in the room and the agent outside: 'unhold' means 'let me talk to them'.
    return state if state.target is Standing.IN_ROOM else state._replace(agent=Standing.IN_ROOM)


def _place(state: State, party: Party, standing: Standing) -> State:
    if not state.standing(party).up:
        raise Refused(f"the {party.value} is {_where(state, party)} and can be neither held nor unheld")
    match party:
        case Party.CUSTOMER:
            return state._replace(customer=standing)
        case Party.AGENT:
            return state._replace(agent=standing)
        case Party.TARGET:
            return state._replace(target=standing)


def _where(state: State, party: Party) -> str:
    standing = state.standing(party)
    released = standing in (Standing.GONE, Standing.DISMISSED)
    return "not there" if released else standing.value.replace("_", " ")


def _swap(state: State, _: Command) -> State:
    if not state.agent.up:
        raise Refused("swap needs the agent")
    if state.target.pending:
        # Nobody to change places with yet: the agent goes back to the customer, or leaves them on hold again.
        back = state.customer is Standing.ON_HOLD or state.agent is Standing.ON_HOLD
        customer = Standing.IN_ROOM if back else Standing.ON_HOLD
        return state._replace(customer=customer, agent=Standing.IN_ROOM)
    if not state.target.up:
        raise Refused("swap needs a target who is up or ringing")
    if state.customer is state.target:
        raise Refused("swap needs one of customer and target on hold, and the other in the room")
    return state._replace(customer=state.target, target=state.customer, agent=Standing.IN_ROOM)


def _conference(state: State, _: Command) -> State:
    if not state.agent.up:
        raise Refused("a conference needs the agent")
    if not state.target.there:
        raise Refused("a conference needs a target who is up or ringing")
    target = Standing.IN_ROOM if state.target.up else state.target
    return state._replace(customer=Standing.IN_ROOM, agent=Standing.IN_ROOM, target=target)


def _complete(state: State, command: Command) -> State:
    if not state.agent.up:
        raise Refused("the agent has left already")
    if not state.target.there:
        raise Refused("there is no target to take over")
    if state.rules.mode is Mode.CONSULT:
        if not state.target.up:
            raise Refused("in a consultation the customer stays the agent's; use cancel")
        return steps.give_back(state, Outcome.CONSULTED, None, command.by)
    if state.target.up:
        return steps.connect(state, command.by)
    # Semi-attended: the ringing leg is kept, never cancelled and dialled again (RFC 5589 section 7.6).
    return state._replace(agent=Standing.GONE, customer=Standing.IN_ROOM)


def _cancel(state: State, command: Command) -> State:
    cause = Cause.OPERATOR_CANCELLED if command.by is Actor.OPERATOR else Cause.AGENT_CANCELLED
    if state.agent.up:
        return steps.give_back(state, Outcome.CANCELLED, cause, command.by)
    if state.agent.returning:
        return state  # the customer is on the way back already
    return steps.fall_back(state, cause)


def _retarget(state: State, command: Command) -> State:
    if command.target is None:
        raise Refused("retarget needs a target")
    if state.agent.returning:
        raise Refused("the customer is on the way back to the agent")
    left_alone = state.agent is Standing.ON_HOLD and state.target.up
    state = steps.send_away(state, command.by)._replace(cause=Cause.RETARGETED)
    if left_alone:
        # The target whom the customer was left with goes: whoever waits outside comes back in.
        state = state._replace(agent=Standing.IN_ROOM)
    return steps.ring(state, command.target)


def _asked(state: State, command: Command) -> int:
    """Return the number of the target that a command is about, of those that are asked to accept.

    Raises:
        Refused: It is not asked, or none is.
    """
    asked = [state.current.number] if state.current and state.target is Standing.SCREENING else []
    asked += [it.target.number for it in rivals.pending(state) if it.standing is Standing.SCREENING]
    if not asked:
        raise Refused("no target has answered and is being asked to accept")
    if command.number is not None and command.number not in asked:
        raise Refused("that target is not being asked to accept")
    return asked[0] if command.number is None else command.number


def _accept(state: State, command: Command) -> State:
    rival = rivals.find(state, _asked(state, command))
    return steps.let_in(rivals.promote(state, rival) if rival else state)


def _decline(state: State, command: Command) -> State:
    return steps.target_failed(state, _asked(state, command), Cause.DECLINED)


def _extend(state: State, command: Command) -> State:
    """Change nothing: times are not the core's. It says whether there is something to extend."""
    if command.timer is None or command.timer not in EXTENSIBLE:
        raise Refused("this wait cannot be extended")
    running = dict.fromkeys(deadline.timer for deadline in deadlines(state))
    if command.timer not in running:
        those = ", ".join(timer.value for timer in running if timer in EXTENSIBLE)
        raise Refused(f"the wait {command.timer.value} does not run now (those that do: {those or 'none'})")
    return state


_HANDLERS: dict[CommandName, Callable[[State, Command], State]] = {
    CommandName.HOLD: _hold,
    CommandName.UNHOLD: _unhold,
    CommandName.SWAP: _swap,
    CommandName.CONFERENCE: _conference,
    CommandName.COMPLETE: _complete,
    CommandName.CANCEL: _cancel,
    CommandName.RETARGET: _retarget,
    CommandName.ACCEPT: _accept,
    CommandName.DECLINE: _decline,
    CommandName.EXTEND: _extend,
}
