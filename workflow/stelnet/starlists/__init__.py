"""Star lists of anyone: CSV, ECSV, FITS, VOTable and Parquet, read, understood, and written with answers.

``columns`` finds temperature and luminosity, ``reading`` opens files, ``writing`` adds columns to them, and
``prediction`` puts a model between the two.
"""
