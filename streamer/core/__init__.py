"""Pure values and decisions shared by every service."""
