"""What a caller asks for: the input of the ``Transfer`` workflow."""

import hashlib
import json
from typing import Self

from pydantic import Field, model_validator

from hookflash._base import Brief, FromCaller
from hookflash.fallbacks import CallBack
from hookflash.parties import Agent, Customer, Target
from hookflash.policy import Policy
from hookflash.values import HeaderWord, Reference, Text, UserToUser, Word
from hookflash.vocabulary import Mode


class Context(FromCaller):
    """What the target should know. Sent along with the call to targets inside the company only."""

    customer_name: Text = ""
    """The customer's name. Default: not said."""
    reason: Text = ""
    """Why the customer is transferred. Default: not said."""
    issue: Text = ""
    """Reference of the ticket or case. Default: none."""
    steps_tried: tuple[Text, ...] = Field(default=(), max_length=20)
    """What has been tried already. Default: nothing."""
    customer_consent: bool | None = None
    """Whether the customer has agreed to be transferred. Default: not said."""
    user_to_user: UserToUser | None = None
    """Sent as the header ``User-to-User``, for applications that read it. Default: not sent."""
    data: dict[HeaderWord, Text] = Field(default_factory=dict, max_length=20)
    """Free data, sent as one header each. Default: none."""


class TransferRequest(Brief, FromCaller):
    """Input of the ``Transfer`` workflow."""

    mode: Mode
    """``warm``, ``cold``, ``blind`` (needs the tenant's permission) or ``consult``."""
    provider: Word
    """Name of the provider node that carries the call, as the workers know it."""
    customer: Customer
    """Who is transferred."""
    agent: Agent
    """Who transfers."""
    targets: tuple[Target, ...] = Field(min_length=1, max_length=10)
    """Whom to ring: one after another, or together where a target says so."""
    context: Context = Field(default_factory=Context)
    """What the target should know. Default: nothing."""
    policy: Policy = Field(default_factory=Policy)
    """Limits and fallbacks. Default: see there."""
    tenant: Word = "default"
    """Whose permissions and directory apply. Default: ``default``."""
    idempotency_key: Word | None = None
    """Repeating a start with the same key never transfers twice. Default: only the running transfer is compared."""
    labels: dict[Word, Text] = Field(default_factory=dict, max_length=20)
    """Free labels, shown to operators in the transfer's static details. Default: none."""
    references: tuple[Reference, ...] = Field(default=(), max_length=5)
    """Keyed hashes of telephone numbers by which operators find this transfer (see ``hookflash.references``). Default:
    it is not found by a number."""

    @model_validator(mode="after")
    def _three_different_legs(self) -> Self:
        if self.customer.leg == self.agent.leg:
            raise ValueError("customer.leg and agent.leg are the same leg")
        others = [it.leg for it in self.targets if it.leg is not None]
        others += [self.agent.consulting_leg] if self.agent.consulting_leg is not None else []
        if len({self.customer.leg, self.agent.leg, *others}) < 2 + len(others):
            raise ValueError("targets.leg and agent.consulting_leg must be legs of their own")
        return self

    @model_validator(mode="after")
    def _somebody_to_ring_first(self) -> Self:
        if self.targets[0].with_previous:
            raise ValueError("targets.0.with_previous: there is no target before the first")
        return self

    @model_validator(mode="after")
    def _can_call_back(self) -> Self:
        for number, fallback in enumerate(self.policy.fallbacks):
            if isinstance(fallback, CallBack):
                if self.customer.address is None:
                    raise ValueError(f"customer.address: policy.fallbacks.{number} needs it to call_back")
                if fallback.caller is None and self.agent.address is None:
                    raise ValueError(f"policy.fallbacks.{number}.caller or agent.address is needed to call_back")
        return self

    def fingerprint(self) -> str:
        """Return a digest that is equal for equal requests (SHA-256, hexadecimal).

        By what a transfer is found is no part of what is asked for: a start that is repeated after a change of keys is
        the same one.
        """
        content = json.dumps(self.model_dump(mode="json", exclude={"references"}), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
