"""Questions: each file asks one thing about a world and returns an answer."""
