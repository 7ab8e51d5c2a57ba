"""The demonstration: a synthetic clickstream, turned into OTLP exports by the OpenTelemetry SDK.

Knows OpenTelemetry and files, and nothing of otel_analytics: what it writes is what any team ships.
"""
