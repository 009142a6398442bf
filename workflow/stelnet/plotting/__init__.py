"""The figures of the paper, a module for each kind; :mod:`stelnet.plotting.style` holds what they share."""
