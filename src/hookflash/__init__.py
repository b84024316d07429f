"""Hookflash: call transfers that never lose the customer.

This package is what other services install: the contract (models, names) and a client. The engine itself runs as
worker processes from the project's checkout or image.
"""

from hookflash.client import TransferClient
from hookflash.commands import Accept, Cancel, Decline, Extend, Hold, Retarget, Unhold, Wait
from hookflash.converter import Problem
from hookflash.errors import (
    CommandRejected,
    CommandUnanswered,
    EncryptionError,
    EngineUnreachable,
    HookflashError,
    InvalidRequest,
    TransferFailed,
    TransferInProgress,
    TransferNotFound,
)
from hookflash.events import Evidence, ProviderEvent
from hookflash.fallbacks import AnotherTarget, CallBack, Fallback, HandOff, HangUp, Recall
from hookflash.feature_codes import FeatureCodes
from hookflash.parties import AcceptGate, Agent, Customer, Target
from hookflash.policy import ConsultWarning, CustomerAudio, Policy, Reminder, WhenUnanswered
from hookflash.references import ReferenceKeys, reference
from hookflash.request import Context, TransferRequest
from hookflash.result import Attempt, FallbackTried, TransferResult
from hookflash.running import RunningTransfer
from hookflash.status import Deadline, JournalEntry, LegStatus, TransferStatus
from hookflash.vocabulary import Actor, Cause, CommandName, Mode, Outcome, Party, Stage

__all__ = [
    "Accept",
    "AcceptGate",
    "Actor",
    "Agent",
    "AnotherTarget",
    "Attempt",
    "CallBack",
    "Cancel",
    "Cause",
    "CommandName",
    "CommandRejected",
    "CommandUnanswered",
    "ConsultWarning",
    "Context",
    "Customer",
    "CustomerAudio",
    "Deadline",
    "Decline",
    "EncryptionError",
    "EngineUnreachable",
    "Evidence",
    "Extend",
    "Fallback",
    "FallbackTried",
    "FeatureCodes",
    "HandOff",
    "HangUp",
    "Hold",
    "HookflashError",
    "InvalidRequest",
    "JournalEntry",
    "LegStatus",
    "Mode",
    "Outcome",
    "Party",
    "Policy",
    "Problem",
    "ProviderEvent",
    "Recall",
    "ReferenceKeys",
    "Reminder",
    "Retarget",
    "RunningTransfer",
    "Stage",
    "Target",
    "TransferClient",
    "TransferFailed",
    "TransferInProgress",
    "TransferNotFound",
    "TransferRequest",
    "TransferResult",
    "TransferStatus",
    "Unhold",
    "Wait",
    "WhenUnanswered",
    "reference",
]
