"""Parsers on the test documents of a treebank."""
