"""Benchmarks against real peers, each run through the command line as a user would run it."""
