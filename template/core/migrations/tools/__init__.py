"""Tools for a team: each module is one target of the Makefile."""
