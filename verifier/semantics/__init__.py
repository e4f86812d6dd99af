"""What policies, chains and the cluster mean for every packet at once."""
