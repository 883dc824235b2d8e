"""Copy-synthesis by vocoders."""
