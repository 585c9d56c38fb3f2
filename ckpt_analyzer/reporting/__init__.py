"""A store as something to look at: the tables of a report gathered, and figures for papers."""
