"""Pure decisions of the packager."""
