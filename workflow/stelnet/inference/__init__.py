"""Ages and masses of anyone's stars from the trained ensembles, without torch: the way from a file of weights
to the posterior of each star. :class:`stelnet.inference.model.Model` puts the parts together.
"""
