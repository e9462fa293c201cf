"""Benchmark suites, runner and metrics."""
