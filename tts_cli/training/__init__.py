"""Training: recipes, the training loop, its checkpoints, and training on another machine."""
