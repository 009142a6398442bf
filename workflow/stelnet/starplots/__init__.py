"""What `stelnet plot` draws."""
