"""What goes on while a run is at work: its checkpoints followed, its report fresh, and served."""
