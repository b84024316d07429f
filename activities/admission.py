"""Whether a transfer may happen at all: permissions and directory of a tenant. Asked before anything is dialled."""

import fnmatch
import tomllib
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.telephony.model import Frozen
from hookflash import Cause, Mode, Policy, Target
from hookflash.fallbacks import FALLBACK_PLACE
from hookflash.names import provider_task_queue
from hookflash.values import Word

ADMIT = "admit"
"""Name of the activity."""

ANSWER_LIMIT = timedelta(seconds=1.5)
"""How long one attempt may take. It is a look into memory; but a busy worker comes to it late."""

_FIRST_STEP = ("s", "1")
"""Extension and priority of a place that names none."""


def _place_pattern(pattern: str) -> str:
    parts = pattern.split(",")
    if len(parts) > 1 + len(_FIRST_STEP) or not all(parts) or any(it.isspace() for it in pattern):
        raise ValueError("not a pattern of places: context[,extension[,priority]] without spaces")
    return pattern


class DirectoryEntry(BaseModel):
    """Where a name of the directory rings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    address: str
    """Where to ring, in the provider's grammar."""
    name: str = ""
    """How operators call it. Default: the entry's own key."""


class TransferKey(BaseModel):
    """What the transfer keys of a tenant's own phones do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    allowed: bool = True
    """Whether they do anything. Default: they transfer, under the rules that hold for every transfer."""
    ring_timeout: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))] = timedelta(seconds=20)
    """How long the destination may ring. Default: 20 seconds."""
    policy: Policy = Policy()
    """Limits and fallbacks of such a transfer. Default: the contract's own."""


class Tenant(BaseModel):
    """What one tenant may do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    blind: bool = False
    """Whether the agent may be released before the target has answered. Default: no."""
    blind_reason: str = ""
    """Why, or why not; it is recorded with every blind transfer. Default: not said."""
    warm: bool = True
    """Whether agents may keep a customer waiting to introduce them. Default: yes."""
    warm_reason: str = ""
    """Why not; it is recorded with every warm transfer that is denied. Default: not said."""
    hold_music: Word | None = None
    """Class of music for whoever waits, unless the request names one. Default: the provider's ``default``."""
    allow: tuple[str, ...] = ("pjsip:*", "sim:*")
    """Addresses that may be dialled, as shell patterns. Default: the company's own phones, nothing outside."""
    deny: tuple[str, ...] = ()
    """Addresses that may not, though allowed by the patterns above; capitals make no difference. Default: none."""
    places: tuple[Annotated[str, AfterValidator(_place_pattern)], ...] = ("*",)
    """Places where customers may go on, ``context[,extension[,priority]]``, each part a shell pattern for itself. What
    a pattern or a place leaves out is extension ``s``, priority ``1``; ``hookflash-fallback`` is always allowed.
    Default: every context, but only at its ``s``, where nobody who asks for a transfer can name a number."""
    caller_ids: tuple[str, ...] = ("*",)
    """Numbers that may be shown to whoever is rung, as shell patterns: ``caller_id`` and ``caller_id_fallback`` of a
    request. Default: any, so it is the carrier's to refuse one that is not yours."""
    directory: dict[str, DirectoryEntry] = Field(default_factory=dict)
    """Names that callers may use in place of addresses. Default: none."""
    transfer_key: TransferKey = TransferKey()
    """What the transfer keys of the phones do. Default: see there."""

    def allows(self, address: str) -> bool:
        """Return whether an address may be dialled."""
        allowed = any(fnmatch.fnmatchcase(address, pattern) for pattern in self.allow)
        # In any case: the host of a SIP URI is the same in capitals, and who denies one means both.
        return allowed and not any(fnmatch.fnmatchcase(address.lower(), pattern.lower()) for pattern in self.deny)

    def allows_place(self, place: str) -> bool:
        """Return whether a customer may go on at a place."""
        parts = _step_of(place)
        patterns = (FALLBACK_PLACE, *self.places)
        # Part by part: a star for the context must not reach over the comma, to an extension.
        return any(all(map(fnmatch.fnmatchcase, parts, _step_of(it))) for it in patterns)

    def allows_caller_id(self, number: str) -> bool:
        """Return whether a number may be shown."""
        return any(fnmatch.fnmatchcase(number, pattern) for pattern in self.caller_ids)


class Tenants(BaseModel):
    """Every tenant, by name. One that is not listed has the permissions of ``default``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenants: dict[str, Tenant] = Field(default_factory=dict)

    @classmethod
    def from_file(cls, path: Path) -> "Tenants":
        """Read a TOML file with one table ``[tenants.NAME]`` per tenant.

        Raises:
            ValueError: The file is not TOML, or a field is wrong; the message names it.
            OSError: The file cannot be read.
        """
        return cls.model_validate(tomllib.loads(path.read_text()))

    def get(self, name: str) -> Tenant:
        """Return a tenant's permissions."""
        return self.tenants.get(name) or self.tenants.get("default") or Tenant()


class AdmissionInput(Frozen):
    """Input of ``admit``."""

    tenant: str
    mode: Mode
    provider: str
    targets: tuple[Target, ...]
    places: tuple[str, ...] = ()
    """Where the customer may have to go on. Default: nowhere."""
    caller_ids: tuple[str, ...] = ()
    """Numbers that may have to be shown. Default: the provider's own."""


class AdmittedTarget(Frozen):
    """What became of one target."""

    address: str
    """Where to ring; empty if it must not be, or is there already."""
    name: str
    """How operators call it."""
    denied: Cause | None = None
    """``destination_denied`` or, for a name the directory does not have, ``invalid_destination``. Default: allowed."""


class Verdict(Frozen):
    """Answer of ``admit``."""

    mode_denied: Cause | None = None
    """``blind_denied`` or ``warm_denied`` where the tenant may not. Default: allowed."""
    mode_reason: str = ""
    """Whose rule that is, and why. Default: not worth a word, as for a mode that everybody may use."""
    hold_music: str = ""
    """The tenant's class of music. Default: it has none."""
    targets: tuple[AdmittedTarget, ...]
    """One entry per target, in order."""
    denied_places: tuple[str, ...] = ()
    """Those of the places at which nobody may go on. Default: none, or they were not asked for yet."""
    denied_caller_ids: tuple[str, ...] = ()
    """Those of the numbers that must not be shown. Default: none, or they were not asked for yet."""
    queue: str = ""
    """Task queue of the workers that reach the provider's node. Default: the workflow's own."""


class Admission:
    """Holds the permissions a worker was started with.

    Args:
        tenants: The permissions.
        providers: Nodes that this worker reaches.
        elsewhere: Nodes that are reached by workers of their own, from now on.
    """

    def __init__(self, tenants: Tenants, providers: Collection[str], elsewhere: Collection[str] = ()) -> None:
        self._tenants = tenants
        self._providers = {*providers, *elsewhere}
        self._elsewhere = elsewhere

    @activity.defn(name=ADMIT)
    async def admit(self, asked: AdmissionInput) -> Verdict:
        """Resolve and judge the targets of a transfer.

        Raises:
            ApplicationError: Type ``InvalidRequest``: there is no such provider.
        """
        if asked.provider not in self._providers:
            known = ", ".join(sorted(self._providers))
            problem = f"no provider {asked.provider!r} here; there is: {known}"
            raise ApplicationError(
                f"invalid TransferRequest: provider: {problem}",
                [{"field": "provider", "problem": problem}],
                type="InvalidRequest",
                non_retryable=True,
            )
        tenant = self._tenants.get(asked.tenant)
        denied, reason = _judge_mode(tenant, asked.mode)
        told = asked.mode is Mode.BLIND or denied
        return Verdict(
            mode_denied=denied,
            mode_reason=f"policy of tenant {asked.tenant}, {reason or 'no reason given'}" if told else "",
            hold_music=tenant.hold_music or "",
            targets=tuple(_judge(tenant, target) for target in asked.targets),
            denied_places=tuple(place for place in asked.places if not tenant.allows_place(place)),
            denied_caller_ids=tuple(it for it in asked.caller_ids if not tenant.allows_caller_id(it)),
            queue=provider_task_queue(asked.provider) if asked.provider in self._elsewhere else "",
        )


def _step_of(place: str) -> tuple[str, ...]:
    """Return context, extension and priority of a place, or of a pattern of places."""
    said = tuple(place.split(","))
    return said + _FIRST_STEP[len(said) - 1 :]


def _judge_mode(tenant: Tenant, mode: Mode) -> tuple[Cause | None, str]:
    """Return why a mode is denied, None if it is not, and the reason that the tenant gives."""
    match mode:
        case Mode.BLIND:
            return (None if tenant.blind else Cause.BLIND_DENIED), tenant.blind_reason
        case Mode.WARM:
            return (None if tenant.warm else Cause.WARM_DENIED), tenant.warm_reason
        case Mode.COLD | Mode.CONSULT:
            return None, ""


def _judge(tenant: Tenant, target: Target) -> AdmittedTarget:
    address, name = target.address, target.name
    if target.leg is not None:
        return AdmittedTarget(address="", name=name or "target")  # nobody is rung: who talks to whom, talks already
    if target.directory is not None:
        entry = tenant.directory.get(target.directory)
        if entry is None:
            return AdmittedTarget(address="", name=name or target.directory, denied=Cause.INVALID_DESTINATION)
        address, name = entry.address, name or entry.name or target.directory
    if address is None or not tenant.allows(address):
        return AdmittedTarget(address="", name=name or "target", denied=Cause.DESTINATION_DENIED)
    return AdmittedTarget(address=address, name=name or "target")
