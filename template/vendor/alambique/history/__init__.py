"""The revisions: what their source says, in which line they stand, and where a database is."""
