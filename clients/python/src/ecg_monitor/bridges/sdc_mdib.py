"""The description of one bed for IEEE 11073 SDC (BICEPS, IEEE 11073-10207): waveforms, heart rate, alert conditions."""
from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from .. import ecg_monitor_pb2 as wire
from ..ecg_monitor_pb2 import AlertKind
from . import codes

_PM = "http://standards.ieee.org/downloads/11073/11073-10207-2017/participant"
_MSG = "http://standards.ieee.org/downloads/11073/11073-10207-2017/message"

#: Priorities of the kinds as the daemon has them (Docs/alarms.md).
_HIGH = {"ASYSTOLE", "VENTRICULAR_FIBRILLATION", "VENTRICULAR_TACHYCARDIA", "EXTREME_BRADYCARDIA", "EXTREME_TACHYCARDIA"}
_TECHNICAL = {"LEAD_OFF", "SIGNAL_LOST", "ATTACK_SUSPECTED", "NOISY_SIGNAL", "SIGNAL_CHANGED", "LEAD_NOT_USABLE",
              "REPLAY_SUSPECTED", "CLOCK_DISAGREES"}

KINDS = [kind for kind in AlertKind.values() if kind != wire.ALERT_KIND_UNSPECIFIED]
SDC_PRIORITIES = {
    wire.ALERT_PRIORITY_HIGH: "Hi", wire.ALERT_PRIORITY_MEDIUM: "Me",
    wire.ALERT_PRIORITY_LOW: "Lo", wire.ALERT_PRIORITY_TECHNICAL: "Lo",
}
#: Seconds between two self-checks of the alert system.
SELF_CHECK_SECONDS = 5
RATE = "rate.ecg"
ALERTS = "alerts.mds"


def waveform_handle(lead: int) -> str:
    return f"wave{lead}.ecg"


def condition_handle(kind: int) -> str:
    return f"condition{kind}.alerts"


def signal_handle(kind: int, manifestation: str) -> str:
    """manifestation: "Vis" or "Aud"."""
    return f"signal{kind}.{manifestation}.alerts"


def is_technical(kind: int) -> bool:
    return codes.alert_code(kind).name in _TECHNICAL


def _typed(name: str, code: codes.Code, text: str) -> str:
    return (f'<pm:{name} Code="{code.code}" SymbolicCodeName={quoteattr(code.reference)}>'
            f'<pm:ConceptDescription Lang="en">{escape(text)}</pm:ConceptDescription></pm:{name}>')


def _alerts(sources: str) -> str:
    parts = []
    for kind in KINDS:
        code = codes.alert_code(kind)
        priority = "Hi" if code.name in _HIGH else "Lo" if code.name in _TECHNICAL else "Me"
        parts.append(f'<pm:AlertCondition Handle="{condition_handle(kind)}" '
                     f'Kind="{"Tec" if code.name in _TECHNICAL else "Phy"}" Priority="{priority}">'
                     f"{_typed('Type', code.mdc, code.text)}{sources}</pm:AlertCondition>")
    for kind in KINDS:
        parts += (f'<pm:AlertSignal Handle="{signal_handle(kind, manifestation)}" '
                  f'ConditionSignaled="{condition_handle(kind)}" Manifestation="{manifestation}" Latching="true"/>'
                  for manifestation in ("Vis", "Aud"))
    return (f'<pm:AlertSystem Handle="{ALERTS}" SelfCheckPeriod="PT{SELF_CHECK_SECONDS}S">'
            f"{''.join(parts)}</pm:AlertSystem>")


def description(leads: Sequence[str], sampling_rate: float) -> bytes:
    """The bed's description, as the answer to GetMdib.

    leads: their names; an empty name is one that is not known. sampling_rate: in Hz.
    """
    waves, sources = [], [f"<pm:Source>{RATE}</pm:Source>"]
    for number, lead in enumerate(leads):
        code = codes.lead_code(lead)
        sources.append(f"<pm:Source>{waveform_handle(number)}</pm:Source>")
        waves.append(
            f'<pm:Metric xsi:type="pm:RealTimeSampleArrayMetricDescriptor" Handle="{waveform_handle(number)}" '
            f'MetricCategory="Msrmt" MetricAvailability="Cont" Resolution="0.001" '
            f'SamplePeriod="PT{1 / sampling_rate:.9f}S">{_typed("Type", code, f"ECG lead {lead}".strip())}'
            f'{_typed("Unit", codes.MILLIVOLT, "millivolt")}</pm:Metric>')
    rate = (f'<pm:Metric xsi:type="pm:NumericMetricDescriptor" Handle="{RATE}" MetricCategory="Msrmt" '
            f'MetricAvailability="Cont" Resolution="1">{_typed("Type", codes.HEART_RATE, "heart rate")}'
            f'{_typed("Unit", codes.PER_MINUTE, "beats per minute")}</pm:Metric>')
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><msg:GetMdibResponse xmlns:msg="{_MSG}" xmlns:pm="{_PM}" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" MdibVersion="0" SequenceId="urn:uuid:'
        f'00000000-0000-0000-0000-000000000000"><msg:Mdib MdibVersion="0" SequenceId="urn:uuid:'
        f'00000000-0000-0000-0000-000000000000"><pm:MdDescription DescriptionVersion="0"><pm:Mds Handle="mds">'
        f'{_alerts("".join(sources))}'
        f"<pm:MetaData><pm:Manufacturer>ecg-monitor</pm:Manufacturer><pm:ModelName>ecgmond</pm:ModelName></pm:MetaData>"
        f'<pm:SystemContext Handle="context.mds"><pm:PatientContext Handle="patient.context"/>'
        f'<pm:LocationContext Handle="location.context"/></pm:SystemContext>'
        f'<pm:Vmd Handle="vmd"><pm:Channel Handle="ecg">{"".join(waves)}{rate}</pm:Channel></pm:Vmd>'
        f"</pm:Mds></pm:MdDescription></msg:Mdib></msg:GetMdibResponse>")
    return text.encode("utf-8")
