"""Star lists of anyone: CSV and other text, ECSV, FITS, VOTable and Parquet, read, understood and continued.

``opening`` is the door to the files, ``columns`` finds temperature and luminosity, and ``prediction`` puts a
model between the list and what is written.
"""
