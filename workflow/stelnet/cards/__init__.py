"""The model card: everything that a user should know of the packaged models."""
