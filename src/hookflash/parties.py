"""Who takes part in a transfer: the customer, the agent, and those who are tried as targets."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from hookflash._base import FromCaller
from hookflash.values import Address, Duration, HeaderWord, LegId, RecordingName, Text, Word


class Customer(FromCaller):
    """The person who must never be lost (RFC 5589: transferee)."""

    leg: LegId
    """The provider's id of the customer's leg. It must be up."""
    address: Address | None = None
    """Where the customer is called back, for the fallback ``call_back``. Default: cannot be called back."""
    recording: RecordingName | None = None
    """Live recording that runs on this leg, to be paused as the policy says. Default: none that is ours to pause."""


class Agent(FromCaller):
    """The person or voice agent who hands the customer over (RFC 5589: transferor)."""

    leg: LegId
    """The provider's id of the agent's leg. It must be up."""
    id: Word | None = None
    """Opaque id of the agent for search and reports; never a name. Default: none."""
    address: Address | None = None
    """Where the agent is called back when the customer needs a person again, if the tenant may ring there. Default:
    cannot be recalled."""
    consulting_leg: LegId | None = None
    """The agent's own leg in another call, with a target that is there already: it is released with the agent.
    Default: the agent has no other call that would have to end."""
    asked_by_phone: bool = False
    """The agent's phone has asked for this transfer itself (SIP REFER) and is told what comes of it. Default: no."""
    recording: RecordingName | None = None
    """Live recording that runs on this leg, to be paused as the policy says. Default: none that is ours to pause."""


class AcceptGate(FromCaller):
    """The target has to press 1 before the customer is joined; 2 declines."""

    timeout: Duration = timedelta(seconds=15)
    """How long an answered target may take to accept. Default: 15 seconds."""
    prompt: Word = "hookflash-accept"
    """Name of the announcement the target hears. Default: ``hookflash-accept``."""
    detect_machine: bool = False
    """Let a voicemail box or another machine fail with cause ``machine``, where the provider can tell; elsewhere it
    fails with ``accept_timeout``. Default: the provider does not listen for machines."""


class Target(FromCaller):
    """One third party to try (RFC 5589: transfer target). Exactly one of address, directory and leg."""

    address: Address | None = None
    """Where to ring. Default: none, the directory says it."""
    directory: Word | None = None
    """Entry of the tenant's directory that says where to ring. Default: none."""
    leg: LegId | None = None
    """The provider's id of a leg that is up already, for example with somebody whom the agent has called by other
    means. Nobody is rung; it counts as answered. Default: none, the target is rung."""
    name: Text = ""
    """How operators call this target, for example ``Claims desk``. Default: its directory entry or ``target``."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long it may ring. Default: 20 seconds."""
    accept: AcceptGate | None = None
    """Ask the target to accept before it is joined. Default: whoever answers is joined."""
    with_previous: bool = False
    """Ring at the same time as the target before it in the list; the first to take the call gets it. Default: ring
    when the one before it has not taken over."""
    on_join: Word | None = None
    """Name of an announcement or beep that only the target hears when it joins. Default: nothing."""
    data: dict[HeaderWord, Text] = Field(default_factory=dict, max_length=20)
    """Free data for this target, sent as one header each; overrules the context's. Default: none."""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        given = [it for it in (self.address, self.directory, self.leg) if it is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of address, directory and leg")
        return self

    @model_validator(mode="after")
    def _rings_or_is_there(self) -> Self:
        if self.leg is not None and (self.accept is not None or self.with_previous):
            raise ValueError("leg: a target that is there already neither rings with others nor is asked to accept")
        return self
