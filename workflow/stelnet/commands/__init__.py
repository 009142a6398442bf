"""The subcommands of `stelnet`, one module each; what a subcommand needs is imported when it runs."""
