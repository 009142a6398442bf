"""The demo's simulated sky: stars from analytic relations, in the file formats of the real data.

``tracks`` holds the relations, ``archive`` writes tracks as MIST does, ``sky`` draws catalogues and clusters.
"""
