"""The guard: nothing that a caller sends can wedge a workflow.

Too few inputs, too many, null where a model is needed: without the guard each of them becomes an error of the
workflow's own code, and Temporal suspends a workflow whose code is wrong until it is repaired. The workflow then takes
no signal, no update and no cancel, while the customer waits.

The worker takes it as `Worker(..., interceptors=[GuardInterceptor()])`, the replayer too, with clients and workers on
`hookflash.converter.data_converter`. Two rules for the workflows it protects: no `@workflow.init`, which runs before
any interceptor; and handlers are methods of the class, as those registered at run time are not looked at.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from hookflash.converter import Problem, Unreadable, invalid_request, union_members

Handler = Callable[..., Any]

_REMEMBERED = "__hookflash_expectation"


@runtime_checkable
class NotesDroppedSignals(Protocol):
    """A workflow that wants to know of the signals it was not given."""

    def note_dropped_signal(self, name: str, problem: str) -> None:
        """Remember that a signal was dropped. Can be called before `run`, as any handler can.

        Args:
            name: Name of the signal.
            problem: What was wrong with it, without the values that were sent.
        """
        ...


class GuardInterceptor(Interceptor):
    """Refuses starts, updates and signals that do not fit the handler they are meant for."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """See base class."""
        return _Guard


class _Guard(WorkflowInboundInterceptor):
    """Sits in front of one run."""

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: ANN401 the SDK's signature
        """Fail the workflow, instead of its task, when the request is no good."""
        refusal = refuse(input.run_fn, workflow.info().workflow_type, input.args)
        if refusal is not None:
            raise refusal
        return await super().execute_workflow(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        """Reject the update, which leaves nothing in the history."""
        self._admit(input)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: ANN401 the SDK's signature
        """Fail the update. Validators are skipped for updates that have none, so this cannot be left out."""
        self._admit(input)
        return await super().handle_update_handler(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        """Drop the signal. Nobody waits for an answer, and an error would end the workflow."""
        handler = _handler("signals", input.signal)
        refusal = refuse(handler, input.signal, input.args) if handler else None
        if refusal is None:
            await super().handle_signal(input)
            return
        workflow.logger.warning("dropped signal %s: %s", input.signal, refusal.message)
        instance: object = workflow.instance()
        if isinstance(instance, NotesDroppedSignals):
            instance.note_dropped_signal(input.signal, refusal.message)

    def _admit(self, input: HandleUpdateInput) -> None:
        handler = _handler("updates", input.update)
        refusal = refuse(handler, input.update, input.args) if handler else None
        if refusal is not None:
            raise refusal


def refuse(handler: Handler, name: str, args: Sequence[object]) -> ApplicationError | None:
    """Return why a handler cannot be called with these inputs, None if it can.

    Args:
        handler: Function of the workflow class; its first parameter is the workflow itself.
        name: What to call it where it takes no model that could be named.
        args: The inputs as they were decoded. Only their number and their kind are in question: a model that exists
            is valid.
    """
    expected = _expectation(handler)
    subject = expected.subject or name
    try:
        bound = expected.signature.bind(None, *args)
    except TypeError:
        return _invalid(subject, f"{_expected(expected.parameters)} expected, {len(args)} given")
    for parameter in expected.parameters:
        if parameter.name not in bound.arguments:
            continue
        value: object = bound.arguments[parameter.name]
        if isinstance(value, Unreadable):
            return value.error
        classes = expected.classes.get(parameter.name)
        if classes and not isinstance(value, classes):
            return _invalid(subject, f"Input should be an object, not {_in_json_words(value)}")
    return None


class _Expectation(NamedTuple):
    """What a handler takes."""

    signature: inspect.Signature
    parameters: Sequence[inspect.Parameter]
    classes: dict[str, tuple[type, ...]]
    """What each parameter that takes a model can be, by name."""
    subject: str
    """The models by name, empty if there are none."""


def _expectation(handler: Handler) -> _Expectation:
    # Remembered: finding it out takes half a millisecond, and one workflow task can bring thousands of signals, within
    # the two seconds after which the SDK takes a workflow for deadlocked. At the handler itself, and not in a cache:
    # in the sandbox each run has handlers of its own, which a cache would keep, with all the modules of the run, for as
    # long as the process lives.
    remembered = vars(handler)
    if _REMEMBERED not in remembered:
        remembered[_REMEMBERED] = _found_out(handler)
    return remembered[_REMEMBERED]


def _found_out(handler: Handler) -> _Expectation:
    signature = inspect.signature(handler, eval_str=True)
    parameters = list(signature.parameters.values())[1:]
    classes: dict[str, tuple[type, ...]] = {}
    for parameter in parameters:
        kinds = union_members(parameter.annotation)
        only = tuple(kind for kind in kinds if isinstance(kind, type))
        if _models(parameter.annotation) and len(only) == len(kinds):
            classes[parameter.name] = only
    subject = " or ".join(model.__name__ for it in parameters for model in _models(it.annotation))
    return _Expectation(signature, parameters, classes, subject)


def _models(hint: object) -> list[type[BaseModel]]:
    # Every model, not only the callers': an event that is null would be an error in its handler too.
    return [kind for kind in union_members(hint) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _in_json_words(value: object) -> str:
    if value is None:
        return "null"
    return "binary data" if isinstance(value, bytes) else type(value).__name__


def _invalid(subject: str, problem: str) -> ApplicationError:
    return invalid_request(subject, [Problem(field="", problem=problem)])


def _expected(parameters: Sequence[inspect.Parameter]) -> str:
    needed = sum(it.default is inspect.Parameter.empty for it in parameters)
    inputs = "input" if len(parameters) == 1 else "inputs"
    if not parameters:
        return "no input"
    return f"{'' if needed == len(parameters) else 'at most '}{len(parameters)} {inputs}"


def _handler(kind: Literal["signals", "updates"], name: str) -> Handler | None:
    """Return the function that is going to be called, None if there is none of this name."""
    # Private, and this is the only place that knows of it: the public workflow.get_signal_handler() wraps an async
    # handler in a function of *args, which says nothing about its inputs. Should the SDK rename it, every signal
    # and update fails, and so does tests/workflows/test_guard.py; better than a guard that is silently gone.
    # https://github.com/temporalio/sdk-python/blob/3a464f9b56ba/temporalio/workflow/_definition.py
    instance: object = workflow.instance()
    definition = getattr(type(instance), "__temporal_workflow_definition")
    handler = getattr(definition, kind).get(name)
    return None if handler is None else handler.fn
