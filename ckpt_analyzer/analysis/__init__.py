"""What a store says: trends fitted, arms and stores compared, the literature's questions."""
