"""The closed lists of words a transfer is told in."""

from enum import StrEnum


class Mode(StrEnum):
    """How the customer is handed over. See ``docs/architecture.md`` for who waits for whom."""

    WARM = "warm"
    COLD = "cold"
    BLIND = "blind"
    CONSULT = "consult"


class Party(StrEnum):
    """The three people of a transfer: transferee, transferor and transfer target of RFC 5589."""

    CUSTOMER = "customer"
    AGENT = "agent"
    TARGET = "target"


class Stage(StrEnum):
    """What is going on, as an operator would say it."""

    STARTING = "starting"
    """The policy is being asked; nothing has been touched."""
    RINGING = "ringing"
    SCREENING = "screening"
    CONSULTING = "consulting"
    SWAPPED = "swapped"
    THREE_WAY = "three_way"
    INTRODUCED = "introduced"
    PARKED = "parked"
    DECIDING = "deciding"
    RECALLING = "recalling"
    ENDING = "ending"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a transfer ended. Exactly one per transfer."""

    CONNECTED = "connected"
    RETURNED_TO_AGENT = "returned_to_agent"
    RECALLED_AGENT = "recalled_agent"
    CONSULTED = "consulted"
    SENT_TO_VOICEMAIL = "sent_to_voicemail"
    SENT_TO_QUEUE = "sent_to_queue"
    SENT_TO_FLOW = "sent_to_flow"
    CALLBACK_SCHEDULED = "callback_scheduled"
    CUSTOMER_LEFT = "customer_left"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a leg, an attempt or a transfer ended as it did."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    CALLER_ID_REFUSED = "caller_id_refused"
    """The carrier does not accept the number that was shown."""
    INVALID_DESTINATION = "invalid_destination"
    DESTINATION_DENIED = "destination_denied"
    ACCEPT_TIMEOUT = "accept_timeout"
    MACHINE = "machine"
    """A machine answered where a person was asked to accept."""
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    """Another of the targets that rang at the same time took the call."""
    HUNG_UP = "hung_up"
    CUSTOMER_LEFT = "customer_left"
    AGENT_LEFT = "agent_left"
    TARGET_LEFT = "target_left"
    AGENT_CANCELLED = "agent_cancelled"
    OPERATOR_CANCELLED = "operator_cancelled"
    RETARGETED = "retargeted"
    RELEASED = "released"
    HOLD_BUDGET = "hold_budget"
    CONSULT_LIMIT = "consult_limit"
    OVERALL_LIMIT = "overall_limit"
    BLIND_DENIED = "blind_denied"
    WARM_DENIED = "warm_denied"
    UNKNOWN_LEG = "unknown_leg"
    IN_TRANSFER = "in_transfer"
    """The leg takes part in another transfer that has not ended."""
    NODE_DOWN = "node_down"
    """The provider's node was shut down or restarted: all of its calls are over."""
    PROVIDER_ERROR = "provider_error"


class CommandName(StrEnum):
    """What can be asked of a running transfer."""

    HOLD = "hold"
    UNHOLD = "unhold"
    SWAP = "swap"
    CONFERENCE = "conference"
    COMPLETE = "complete"
    CANCEL = "cancel"
    RETARGET = "retarget"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXTEND = "extend"


class Actor(StrEnum):
    """Who brought a transfer to its end."""

    CUSTOMER = "customer"
    AGENT = "agent"
    TARGET = "target"
    OPERATOR = "operator"
    ENGINE = "engine"
