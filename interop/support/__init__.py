"""What the suites share: the binary, a running instance with a generated configuration, an upstream, a browser of forms."""
