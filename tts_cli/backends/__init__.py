"""One Network protocol over the runtimes that execute exported networks."""
