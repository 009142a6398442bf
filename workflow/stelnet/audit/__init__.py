"""Is a file still what the workflow would make? Records are read, verified and shown."""
