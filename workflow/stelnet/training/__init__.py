"""Networks and their training: all that needs PyTorch."""
