"""What the `hookflash` command was asked for: its arguments, and the request that `start` makes of them."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic_core import from_json

from hookflash import names
from hookflash._failures import read
from hookflash._operators import doctor, incident, listing, report, show, watch
from hookflash._operators.arguments import duration, transfer_id
from hookflash._operators.referring import of_number
from hookflash.commands import Accept, Cancel, Decline, Extend, Wait
from hookflash.errors import InvalidRequest
from hookflash.references import KEYS_FILE_VARIABLE
from hookflash.request import TransferRequest
from hookflash.vocabulary import Mode, Party

_EXIT_CODES = """\
exit codes: 0 done; 1 the command was refused, there is no such transfer, the transfer was rejected or failed, or the
doctor found something to repair; 2 wrong arguments, an invalid request or wrong encryption keys; 3 Temporal or the
engine cannot be reached; 130 after Ctrl-C. docs/cli.md has examples.

environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the rest of Temporal's client configuration; TEMPORAL_UI_URL;
  HOOKFLASH_ENCRYPTION_KEYS_FILE, the file with the engine's keys; HOOKFLASH_REFERENCE_KEYS_FILE, that with the keys of
  references, for --reference-of.
"""

_HELP = {
    "status": "show what is going on, or how it ended",
    "wait": "wait for the end and show the result",
    "hold": "put a party on hold",
    "unhold": "bring a party into the room; the customer: back to the agent",
    "swap": "let customer and target change places",
    "conference": "bring all three together",
    "complete": "connect customer and target; the agent leaves",
    "accept": "let a target in that is asked whether it accepts",
    "decline": "send a target away that is asked whether it accepts",
    "extend": "make a running wait longer; 'status' shows which ones run",
    "cancel": "give up: the customer goes back to the agent (also: return)",
    "retarget": "ring somebody else instead",
}

ALIASES = {"return": "cancel"}
"""What operators call a command that has another name in the contract."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--json", action="store_true", help="print JSON, of the contract's models as in docs/schemas")
    common.add_argument("--ui", metavar="URL", help="where the Temporal UI is, for the link (or TEMPORAL_UI_URL)")
    common.add_argument("--address", metavar="HOST:PORT", help="the Temporal server (or TEMPORAL_ADDRESS)")
    common.add_argument("--namespace", help="Temporal's namespace (or TEMPORAL_NAMESPACE)")

    top = argparse.ArgumentParser(
        prog="hookflash",
        description="Start call transfers, watch them and command them.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_start(commands.add_parser("start", parents=[common], help="start a transfer", allow_abbrev=False))
    for name, text in _HELP.items():
        aliases = [it for it, meant in ALIASES.items() if meant == name]
        command = commands.add_parser(
            name, aliases=aliases, parents=[common], help=text, description=text, allow_abbrev=False
        )
        command.set_defaults(command=name)
        many = name in incident.COMMANDS
        id_help = f"transfer:PROVIDER:LEG, or PROVIDER:LEG{'; without it, a filter says which' if many else ''}"
        command.add_argument("id", metavar="ID", type=transfer_id, nargs="?" if many else None, help=id_help)
        if name in ("hold", "unhold"):
            command.add_argument("--party", choices=[it.value for it in Party], default=Party.CUSTOMER.value)
        elif name == "cancel":
            command.add_argument("--by", choices=["agent", "operator"], default="operator", help="default: operator")
            command.add_argument("--reason", default="", help="why, for the journal")
        elif name in ("accept", "decline"):
            command.add_argument("--leg", help="leg of the target, as in 'status'; default: the one asked first")
        elif name == "extend":
            waits = [it.value for it in Wait]
            command.add_argument("which", metavar="WAIT", choices=waits, help=f"one of {', '.join(waits)}")
            command.add_argument("remaining", metavar="TIME", type=duration, help="from now on, at least, as 2m")
        elif name == "retarget":
            _add_target(command, required=True)
        if name not in ("status", "wait"):
            command.add_argument("--command-id", metavar="ID", help="the same id is never carried out twice")
        if many:
            incident.add(command)
    for module in (listing, show, watch, report, doctor):
        module.add(partial(commands.add_parser, parents=[common], allow_abbrev=False))
    return top


def _add_start(start: argparse.ArgumentParser) -> None:
    start.description = "Start a transfer. Options overrule what the file of --request says."
    start.add_argument("--request", metavar="FILE", help="a TransferRequest in JSON, - for standard input")
    start.add_argument("--mode", choices=[it.value for it in Mode], help="default: warm")
    start.add_argument("--provider", metavar="NAME", help="default: simulator")
    start.add_argument("--customer", metavar="LEG", help="the provider's id of the customer's leg")
    start.add_argument("--agent", metavar="LEG", help="the provider's id of the agent's leg")
    start.add_argument("--agent-id", metavar="WORD", help="opaque id of the agent, for search and reports")
    start.add_argument("--agent-address", metavar="ADDRESS", help="where the agent can be called back")
    _add_target(start, required=False)
    start.add_argument("--together", action="store_true", help="ring all targets at once; the first to take it gets it")
    start.add_argument("--reason", help="why the customer is transferred")
    start.add_argument("--tenant", help="whose permissions and directory apply")
    start.add_argument("--idempotency-key", metavar="WORD", help="a repeated start does not transfer twice")
    start.add_argument("--label", metavar="NAME=TEXT", action="append", type=_label, help="can be repeated")
    start.add_argument(
        "--reference-of",
        metavar="NUMBER",
        help=f"let the transfer be found by this telephone number, - for standard input; needs {KEYS_FILE_VARIABLE}",
    )
    start.add_argument("--task-queue", metavar="NAME", default=names.TASK_QUEUE, help="default: %(default)s")
    start.add_argument("--wait", action="store_true", help="wait for the end and show the result")


def _add_target(command: argparse.ArgumentParser, *, required: bool) -> None:
    command.add_argument(
        "--target",
        metavar="TARGET[,TARGET]" if command.prog.endswith("start") else "TARGET",
        required=required,
        help="an address (sim:bob), an entry of the directory (claims), or either with a name ('Claims desk=sim:bob')",
    )
    command.add_argument("--ring", metavar="TIME", type=duration, help="how long each may ring, as 20s or PT20S")
    command.add_argument("--accept", action="store_true", help="ask the target to accept before it is joined")


def transfer_request(arguments: argparse.Namespace) -> TransferRequest:
    """Return the request that the options of `start` and its file describe.

    Raises:
        InvalidRequest: A field is wrong or missing; the file cannot be read, or is no JSON.
    """
    if arguments.request == "-" == arguments.reference_of:
        raise InvalidRequest("--reference-of: standard input is the request's")
    fields = _file(arguments.request) if arguments.request else {}
    given = {name: getattr(arguments, name) for name in ("mode", "provider", "tenant", "idempotency_key")}
    fields.update({name: value for name, value in given.items() if value is not None})
    fields.setdefault("mode", Mode.WARM.value)
    fields.setdefault("provider", "simulator")
    _merge(fields, "customer", leg=arguments.customer)
    _merge(fields, "agent", leg=arguments.agent, id=arguments.agent_id, address=arguments.agent_address)
    _merge(fields, "context", reason=arguments.reason)
    if arguments.reference_of is not None:
        given = fields.get("references", [])
        # What is no list is left to be refused, with the name of the field.
        if isinstance(given, list):
            fields["references"] = [*cast("list[Any]", given), of_number(arguments.reference_of).new]
    labels: list[tuple[str, str]] = arguments.label or []
    _merge(fields, "labels", **dict(labels))
    if arguments.target is not None:
        together = {"with_previous": True} if arguments.together else {}
        first, *others = targets(arguments)
        fields["targets"] = [first, *({**it, **together} for it in others)]
    elif arguments.ring is not None or arguments.accept or arguments.together:
        raise InvalidRequest("--ring, --accept and --together need --target")
    return read(TransferRequest, fields)


def check(arguments: argparse.Namespace) -> None:
    """Judge what a command is given, where that takes no server.

    Raises:
        InvalidRequest: An argument is wrong.
    """
    if prepare := getattr(arguments, "prepare", None):
        prepare(arguments)
    if arguments.command in incident.COMMANDS:
        incident.check(arguments)
    match arguments.command:
        case "accept":
            read(Accept, {"leg": arguments.leg})
        case "decline":
            read(Decline, {"leg": arguments.leg})
        case "cancel":
            read(Cancel, {"by": arguments.by, "reason": arguments.reason})
        case "extend":
            read(Extend, {"wait": arguments.which, "remaining": arguments.remaining})
        case _:
            pass


def targets(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the fields of the targets that ``--target`` names."""
    limits: dict[str, Any] = {}
    if arguments.ring is not None:
        limits["ring_timeout"] = arguments.ring.total_seconds()
    if arguments.accept:
        limits["accept"] = {}
    return [{**_target(text.strip()), **limits} for text in arguments.target.split(",")]


def _target(text: str) -> dict[str, str]:
    # A name ends at the last '=' before the scheme; behind it, '=' belongs to the address.
    before, colon, _ = text.partition(":")
    name, equals, scheme = before.rpartition("=")
    if not equals:
        return {"address" if colon else "directory": text}
    return {"name": name, "address" if colon else "directory": text[len(before) - len(scheme) :]}


def _merge(fields: dict[str, Any], name: str, **values: str | None) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        present = fields.get(name)
        # What is no object is left to be refused, with the name of the field.
        fields[name] = {**(cast("dict[str, Any]", present) if isinstance(present, dict) else {}), **given}


def _file(name: str) -> dict[str, Any]:
    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        found: object = from_json(body)
    except OSError as error:
        raise InvalidRequest(f"--request: cannot read {name}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidRequest(f"--request: {name} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidRequest(f"--request: {name} has to hold an object")
    return cast("dict[str, Any]", found)


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("has to be NAME=TEXT")
    return name, value
