"""The architecture: sequence and streamable blocks and how they compose, numpy only."""
