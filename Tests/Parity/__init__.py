"""Parity of the scheduling plugins with llm-d's formulas: a model of them, and `epp score` against it."""
