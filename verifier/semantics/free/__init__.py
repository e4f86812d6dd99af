"""Packets of every cluster: ends whose labels, namespaces and addresses are free."""
