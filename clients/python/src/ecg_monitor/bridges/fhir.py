"""Alerts as FHIR R4 Observations, each in a transaction bundle.

    ecgmon-fhir                            prints one bundle to a line
    ecgmon-fhir --server http://HOST/fhir  posts each to a FHIR server

An alert is one Observation through all its phases: the bundle puts it under the same id, with the status preliminary
while it lasts, and final when it is over.
"""
from __future__ import annotations

import hashlib
import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

from ..ecg_monitor_pb2 import ALERT_PHASE_ENDED, Event
from . import codes, delivery
from .states import alert_state, identity, time_of

MDC = "urn:iso:std:iso:11073:10101"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def _coding(code: codes.Code) -> dict:
    return {"system": MDC, "code": str(code.code), "display": code.reference}


def _instant(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def observation_id(event: Event) -> str:
    """The alert's id through all its phases, 64 characters at most."""
    return "alert-" + hashlib.sha256(identity(event).encode()).hexdigest()[:40]


def _component(code: codes.Code, **value: object) -> dict:
    return {"code": {"coding": [_coding(code)]}, **value}


def observation(event: Event, now: datetime | None = None) -> dict:
    """The event of an alert as an Observation."""
    alert, code, state = event.alert, codes.alert_code(event.alert.kind), alert_state(event)
    is_over = alert.phase == ALERT_PHASE_ENDED
    end = time_of(event)
    begin = datetime.fromtimestamp(end.timestamp() - max(0.0, alert.duration_seconds), timezone.utc)
    period = {"start": _instant(begin)}
    if is_over:
        period["end"] = _instant(end)
    codings = [_coding(code.mdc)]
    if code.snomed:
        codings.append({"system": "http://snomed.info/sct", "code": code.snomed[0], "display": code.snomed[1]})
    components = []
    if alert.heart_rate > 0:
        components.append({
            "code": {"coding": [
                {"system": "http://loinc.org", "code": codes.TABLE["heart_rate"]["loinc"], "display": "Heart rate"},
                _coding(codes.HEART_RATE)]},
            "valueQuantity": {"value": round(alert.heart_rate, 1), "unit": "beats/minute",
                              "system": "http://unitsofmeasure.org", "code": "/min"}})
    for facet in ("phase", "state", "inactivation", "priority", "type"):
        components.append(_component(codes.ATTRIBUTES[facet], valueString=getattr(state, facet)))
    result = {
        "resourceType": "Observation",
        "id": observation_id(event),
        "identifier": [{"system": "urn:ecg-monitor:alert", "value": identity(event)}],
        "status": "final" if is_over else "preliminary",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                  "code": "procedure", "display": "Procedure"}]}],
        "code": {"coding": [_coding(codes.ATTRIBUTES["alarm"])], "text": "Alert of the ECG monitor"},
        "subject": {"type": "Patient", "identifier": {"system": "urn:ecg-monitor:stream", "value": event.stream}},
        "effectivePeriod": period,
        "issued": _instant(now or datetime.now(timezone.utc)),
        "valueCodeableConcept": {"coding": codings, "text": alert.text or code.text},
        "device": {"type": "Device", "display": "ecgmond"},
        "component": components,
    }
    if code.limit:
        result["interpretation"] = [{"coding": [{"system": _INTERPRETATION, "code": code.limit}]}]
    return result


def bundle(event: Event, now: datetime | None = None) -> dict:
    """A transaction that puts the alert's Observation."""
    resource = observation(event, now)
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{
            "fullUrl": f"urn:ecg-monitor:Observation/{resource['id']}",
            "resource": resource,
            "request": {"method": "PUT", "url": f"Observation/{resource['id']}"},
        }],
    }


def post(server: str, body: dict, token: str | None = None, timeout: float = 10.0) -> None:
    """Posts a bundle. Raises OSError if it should be tried again, `Refused` if not."""
    request = urllib.request.Request(server, json.dumps(body).encode(), {"Content-Type": "application/fhir+json"})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout):
            pass
    except urllib.error.HTTPError as error:
        if error.code in (400, 412, 415, 422):
            raise delivery.Refused(f"HTTP {error.code}") from error
        raise OSError(f"HTTP {error.code}") from error


def main() -> None:
    """The command `ecgmon-fhir`."""
    parser = delivery.arguments(__doc__)
    parser.add_argument("--server", metavar="URL", help="base address of a FHIR server (default: print)")
    parser.add_argument("--token-file", metavar="FILE", help="a file with the server's bearer token")
    options = parser.parse_args()
    if options.server and not options.server.startswith(("http://", "https://")):
        raise SystemExit("--server takes an address that begins with http:// or https://")
    token = None
    if options.token_file:
        with open(options.token_file, encoding="utf-8") as file:
            token = file.read().strip()

    def deliver(event: Event) -> None:
        if options.server:
            post(options.server, bundle(event), token)
        else:
            print(json.dumps(bundle(event)), file=sys.stdout, flush=True)

    delivery.main(lambda: delivery.hand_on(options, deliver))


if __name__ == "__main__":
    main()
