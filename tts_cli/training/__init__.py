"""The one training loop: recipes, checkpoints and logging."""
