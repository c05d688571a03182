"""Timings against peers, each pair measured in one run and printed as a ratio."""
