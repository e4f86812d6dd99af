"""What stands behind an answer: packets replayed on both sides, and why they go the way they go."""
