"""What made a file: records, written by every job of the workflow."""
