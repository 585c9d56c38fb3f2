"""The report of a growing store, served to one reader: what is built, and how it is served."""
