"""What can go wrong for a caller of `hookflash.client`, one class per thing the caller would do about it."""

from collections.abc import Sequence

from hookflash._base import Problem
from hookflash.vocabulary import CommandName


class HookflashError(Exception):
    """Base of everything the client raises. The message is one line for a person, without numbers or names."""


class InvalidRequest(HookflashError):
    """The request or the command's argument is wrong. Sending it again does not help."""

    problems: tuple[Problem, ...]
    """What is wrong, field by field; empty if the engine did not say."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class TransferInProgress(HookflashError):
    """The call is being transferred already, and not in the way that was asked for now."""

    transfer_id: str
    """Id of the running transfer, for `TransferClient.transfer`."""

    def __init__(self, message: str, transfer_id: str) -> None:
        super().__init__(message)
        self.transfer_id = transfer_id


class TransferNotFound(HookflashError):
    """There is no such transfer, or it ended so long ago that Temporal has forgotten it."""

    transfer_id: str
    """The id that was asked for."""

    def __init__(self, message: str, transfer_id: str) -> None:
        super().__init__(message)
        self.transfer_id = transfer_id


class CommandRejected(HookflashError):
    """The command makes no sense at this stage; nothing has changed. The message says why and what is possible."""

    command: CommandName
    """The command that was refused."""

    def __init__(self, message: str, command: CommandName) -> None:
        super().__init__(message)
        self.command = command


class TransferFailed(HookflashError):
    """The transfer ended without a result: terminated by an operator, or a fault of the engine.

    Business outcomes such as busy or no answer are results, never this error.
    """

    transfer_id: str
    """Id of the transfer."""

    def __init__(self, message: str, transfer_id: str) -> None:
        super().__init__(message)
        self.transfer_id = transfer_id


class EngineUnreachable(HookflashError):
    """Temporal cannot be reached, or no worker answers. Trying again later may help."""


class CommandUnanswered(EngineUnreachable):
    """No answer came to a command. It may have been carried out, and it may still be.

    Sending it once more with the same `command_id` never carries it out twice, and returns its answer.
    """

    command_id: str
    """The id that the command was sent with."""

    def __init__(self, message: str, command_id: str) -> None:
        super().__init__(message)
        self.command_id = command_id


class EncryptionError(HookflashError):
    """The keys cannot be used, or what is stored cannot be read with them. The message says which key, and where."""
