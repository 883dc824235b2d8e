"""From a trained checkpoint to an addon, with a parity report, and back from an addon to a torch module."""
