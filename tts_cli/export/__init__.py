"""Export: a trained checkpoint becomes an addon, with a parity report that compares it with PyTorch."""
