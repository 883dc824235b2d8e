"""Training: the recipe, the one loop, its checkpoints."""
