"""A simulated exchange: deterministic, scripted by address, and it knows who hears whom."""

from activities.telephony.simulator.clock import AsyncioClock, Clock, VirtualClock
from activities.telephony.simulator.exchange import SimulatedExchange
from activities.telephony.simulator.faults import FaultKind, Faults
from activities.telephony.simulator.hearing import PartyView, Snapshot, Sound
from activities.telephony.simulator.script import BadScript, parse_address, parse_script
from activities.telephony.simulator.watch import Violation

__all__ = [
    "AsyncioClock",
    "BadScript",
    "Clock",
    "FaultKind",
    "Faults",
    "PartyView",
    "SimulatedExchange",
    "Snapshot",
    "Sound",
    "Violation",
    "VirtualClock",
    "parse_address",
    "parse_script",
]
