"""spanproof judges OpenTelemetry traces."""
