"""One bed as an IEEE 11073 SDC provider: waveforms, heart rate and alerts.

    ecgmon-sdc --stream bed-1 --adapter 192.0.2.7 --certificates FOLDER

It needs sdc11073 3.0.0 (pip install 'clients/python[sdc]'). FOLDER holds userkey.pem, usercert.pem and cacert.pem. Without
certificates it serves loopback only. Nothing can be set from the SDC side.
"""
from __future__ import annotations

import argparse
import ipaddress
import logging
import math
import time
import uuid
from decimal import Decimal
from typing import Optional

from ..ecg_monitor_pb2 import (
    ALERT_PHASE_ENDED,
    PAUSE_KIND_ALARM,
    PAUSE_KIND_AUDIO,
    SIGNAL_CONDITION_GOOD,
    Event,
)
from ..subscriber import Subscriber
from . import delivery, sdc_mdib

log = logging.getLogger("ecg_monitor.bridge")

#: Without anything from the daemon for this long, what is shown is said to be out of date.
STALE_SECONDS = 10.0


class Bed:
    """The bed's provider, once its leads and rate are known."""

    def __init__(self, wave: Event, discovery, certificates=None, epr: uuid.UUID | None = None) -> None:
        from sdc11073.location import SdcLocation
        from sdc11073.mdib import ProviderMdib
        from sdc11073.provider import SdcProvider
        from sdc11073.xml_types.dpws_types import ThisDeviceType, ThisModelType
        from sdc11073.xml_types import pm_types

        self._types = pm_types
        self.stream = wave.stream
        self.leads = [wave.waveform.lead, *(lead.name for lead in wave.waveform.further_leads)]
        self.rate = wave.waveform.sampling_rate
        self.mdib = ProviderMdib.from_string(sdc_mdib.description(self.leads, self.rate))
        self.provider = SdcProvider(
            discovery, ThisModelType(manufacturer="ecg-monitor", model_name="ecgmond"),
            ThisDeviceType(friendly_name=f"ECG of {self.stream}", firmware_version="0.1.0", serial_number=self.stream),
            self.mdib, epr or uuid.uuid5(uuid.NAMESPACE_URL, f"urn:ecg-monitor:{self.stream}"),
            ssl_context_container=certificates)
        self.provider.start_all(start_rtsample_loop=False)
        self.provider.set_location(
            SdcLocation(fac="ecg-monitor", poc="monitor", bed=self.stream),
            [pm_types.InstanceIdentifier("Validator", extension_string="System")])
        # Which alerts of a kind are on: (session, basis, number): its last event.
        self._on: dict[int, dict[tuple, Event]] = {}
        self._checked_at = 0.0
        self._heard_at = time.monotonic()
        self._is_stale = False
        self.self_check()

    def fits(self, wave: Event) -> bool:
        """Whether the description still describes this waveform."""
        leads = [wave.waveform.lead, *(lead.name for lead in wave.waveform.further_leads)]
        return leads == self.leads and wave.waveform.sampling_rate == self.rate

    def take(self, event: Event) -> None:
        """Shows an event."""
        self._heard_at, self._is_stale = time.monotonic(), False
        kind = event.WhichOneof("payload")
        if kind == "waveform":
            self._show_waveform(event)
        elif kind == "status":
            self._show_rate(event)
        elif kind == "alert":
            self._show_alert(event)

    def self_check(self) -> None:
        """To be called often: says that the alert system works, and when what it shows is out of date."""
        now = time.monotonic()
        if not self._is_stale and now - self._heard_at > STALE_SECONDS:
            self._is_stale = True
            log.warning("%s: nothing from the daemon for %g s", self.stream, STALE_SECONDS)
            self._set_rate(0.0, self._types.MeasurementValidity.NA)
        if now - self._checked_at < sdc_mdib.SELF_CHECK_SECONDS or self._is_stale:
            return
        self._checked_at = now
        with self.mdib.alert_state_transaction() as manager:
            state = manager.get_state(sdc_mdib.ALERTS)
            state.ActivationState = self._types.AlertActivation.ON
            state.LastSelfCheck = time.time()
            state.SelfCheckCount = (state.SelfCheckCount or 0) + 1

    def _show_waveform(self, event: Event) -> None:
        columns = [event.waveform.millivolts, *(lead.millivolts for lead in event.waveform.further_leads)]
        validity = self._types.MeasurementValidity
        with self.mdib.rt_sample_state_transaction() as manager:
            for number, column in enumerate(columns):
                is_valid = all(map(math.isfinite, column))
                state = manager.get_state(sdc_mdib.waveform_handle(number))
                if state.MetricValue is None:
                    state.mk_metric_value()
                state.ActivationState = self._types.ComponentActivation.ON
                # SDC has no sample that is not there: 0, and the whole stretch is invalid.
                state.MetricValue.Samples = [
                    Decimal(f"{value if math.isfinite(value) else 0.0:.3f}") for value in column]
                state.MetricValue.MetricQuality.Validity = validity.VALID if is_valid else validity.INVALID
                state.MetricValue.DeterminationTime = (event.acquisition_time_ns or time.time_ns()) / 1e9

    def _show_rate(self, event: Event) -> None:
        is_good = event.status.condition == SIGNAL_CONDITION_GOOD
        validity = self._types.MeasurementValidity
        self._set_rate(event.status.heart_rate if is_good else 0.0, validity.VALID if is_good else validity.QUESTIONABLE)

    def _set_rate(self, rate: float, validity) -> None:
        with self.mdib.metric_state_transaction() as manager:
            state = manager.get_state(sdc_mdib.RATE)
            if state.MetricValue is None:
                state.mk_metric_value()
            state.ActivationState = self._types.ComponentActivation.ON
            state.MetricValue.Value = Decimal(round(rate)) if rate > 0 else None
            state.MetricValue.MetricQuality.Validity = validity
            state.MetricValue.DeterminationTime = time.time()

    def _show_alert(self, event: Event) -> None:
        alert = event.alert
        if alert.kind not in sdc_mdib.KINDS:
            return
        active = self._on.setdefault(alert.kind, {})
        key = (event.session, alert.basis, alert.number)
        if alert.phase == ALERT_PHASE_ENDED:
            active.pop(key, None)
        else:
            active[key] = event
        conditions = [shown.alert for shown in active.values()]
        types = self._types
        with self.mdib.alert_state_transaction() as manager:
            state = manager.get_state(sdc_mdib.condition_handle(alert.kind))
            state.ActivationState = types.AlertActivation.ON
            # A latched alert's condition is over; its signals stay.
            state.Presence = any(not shown.latched for shown in conditions)
            priority = sdc_mdib.SDC_PRIORITIES.get(alert.priority) if state.Presence else None
            state.ActualPriority = types.AlertConditionPriority(priority) if priority else None
            state.DeterminationTime = time.time()
            for manifestation in ("Vis", "Aud"):
                self._show_signal(manager, alert.kind, manifestation, conditions)
            system = manager.get_state(sdc_mdib.ALERTS)
            present = sorted(kind for kind, events in self._on.items()
                             if any(not shown.alert.latched for shown in events.values()))
            handles = {technical: [sdc_mdib.condition_handle(kind) for kind in present
                                   if sdc_mdib.is_technical(kind) == technical] for technical in (True, False)}
            system.ActivationState = types.AlertActivation.ON
            system.PresentTechnicalAlarmConditions = handles[True]
            system.PresentPhysiologicalAlarmConditions = handles[False]

    def _show_signal(self, manager, kind: int, manifestation: str, conditions: list) -> None:
        presence, activation = self._types.AlertSignalPresence, self._types.AlertActivation
        state = manager.get_state(sdc_mdib.signal_handle(kind, manifestation))
        pauses = {shown.paused for shown in conditions}
        is_paused = PAUSE_KIND_ALARM in pauses or manifestation == "Aud" and PAUSE_KIND_AUDIO in pauses
        state.ActivationState = activation.PAUSED if is_paused else activation.ON
        if not conditions:
            state.Presence = presence.OFF
        elif all(shown.acknowledged for shown in conditions):
            state.Presence = presence.ACK
        elif all(shown.latched for shown in conditions):
            state.Presence = presence.LATCH
        else:
            state.Presence = presence.ON

    def stop(self) -> None:
        self.provider.stop_all()


def serve(subscriber: Subscriber, discovery, certificates=None, until=lambda: False, started=lambda bed: None) -> None:
    """Shows one bed until `until` says so. The description is made anew when its leads or its rate change."""
    bed: Optional[Bed] = None
    waiting: list[Event] = []
    try:
        while not until():
            event = subscriber.receive(0.5)
            if event is not None and bed and event.HasField("waveform") and not bed.fits(event):
                log.info("%s: the leads or the rate have changed", event.stream)
                waiting = [shown for events in bed._on.values() for shown in events.values()]
                bed.stop()
                bed = None
            if event is not None and bed is None:
                waiting.append(event)
                del waiting[:-1000]
                if event.HasField("waveform"):
                    bed = Bed(event, discovery, certificates)
                    log.info("%s is served at %s", bed.stream, ", ".join(bed.provider.get_xaddrs()))
                    for earlier in waiting:
                        bed.take(earlier)
                    waiting = []
                    started(bed)
            elif event is not None and bed:
                bed.take(event)
            if bed:
                bed.self_check()
    finally:
        if bed:
            bed.stop()


def main() -> None:
    """The command `ecgmon-sdc`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stream", required=True, help="the bed's stream")
    parser.add_argument("--adapter", default="127.0.0.1", help="IP address of the network adapter to serve on")
    parser.add_argument("--certificates", metavar="FOLDER", help="userkey.pem, usercert.pem and cacert.pem")
    parser.add_argument("--events", metavar="ENDPOINT", help="the daemon's events endpoint")
    parser.add_argument("--history", metavar="ENDPOINT", help="the daemon's history endpoint")
    parser.add_argument("--key", metavar="FILE", help="this program's key, made by `ecgmon keys generate`")
    parser.add_argument("--server-key", metavar="KEY", help="the daemon's public key, or its .pub file")
    options = parser.parse_args()
    if not options.certificates and not ipaddress.ip_address(options.adapter).is_loopback:
        raise SystemExit("beyond loopback SDC needs certificates; give --certificates FOLDER")
    try:
        from sdc11073.certloader import mk_ssl_contexts_from_folder
        from sdc11073.wsdiscovery import WSDiscovery
    except ImportError as error:
        raise SystemExit(f"sdc11073 cannot be used ({error}); pip install sdc11073==3.0.0") from error
    certificates = mk_ssl_contexts_from_folder(options.certificates) if options.certificates else None

    def run() -> None:
        topics = [f"{kind}.{options.stream}" for kind in ("alert", "status", "waveform")]
        with Subscriber(*topics, events=options.events, history=options.history,
                        keys=delivery.keys_of(options)) as subscriber, WSDiscovery(options.adapter) as discovery:
            serve(subscriber, discovery, certificates)

    delivery.main(run)


if __name__ == "__main__":
    main()
