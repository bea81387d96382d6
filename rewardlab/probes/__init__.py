"""Measurements of trained policies, one per file."""
