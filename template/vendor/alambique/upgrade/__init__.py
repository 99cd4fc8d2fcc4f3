"""Running revisions: one migrator at a time, tried again when busy, resumed where interrupted."""
