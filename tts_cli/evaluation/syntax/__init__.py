"""Evaluation of constituency parsers on the test documents of a treebank."""
