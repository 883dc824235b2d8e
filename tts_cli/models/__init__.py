"""The torch networks: one file per model, all with the same parts."""
