"""Raw data and the MIST tracks: fetched, read, split at the ZAMS."""
