"""Product-analytics tables from the OpenTelemetry logs that a team already ships."""

__version__ = "0.1.0"
