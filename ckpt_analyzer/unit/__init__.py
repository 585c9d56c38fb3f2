"""One unit of work: its plan, the workbench that streams, scores and stores it, who does it."""
