"""The edge: a shared HTTP cache near the viewers."""
