"""The attribute names that spanproof reads, each with what it is read for.

Source: OpenTelemetry semantic conventions 1.44 unless a row says otherwise.
"""

from __future__ import annotations

from typing import Final

SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
SDK_LANGUAGE: Final = "telemetry.sdk.language"
LOCAL_ADDRESS: Final = "network.local.address"  # Zipkin's and Jaeger's endpoint address

# One clock each, the most telling first: what two spans share there was timed by one clock.
CLOCK_DOMAIN: Final = (
    "host.id",
    "host.name",
    "k8s.node.name",
    "container.id",
    "k8s.pod.uid",
    "k8s.pod.name",
    "service.instance.id",
)

# Logfire's pending spans (the Logfire SDK's convention).
LOGFIRE_SPAN_TYPE: Final = "logfire.span_type"
LOGFIRE_PENDING: Final = "pending_span"
LOGFIRE_PENDING_PARENT: Final = "logfire.pending_parent_id"
