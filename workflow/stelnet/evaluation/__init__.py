"""Scores of predictions against catalogues and clusters, and the tables of them."""
