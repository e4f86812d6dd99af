"""The real kernel as a judge: packets sent through the recorded rules in a network namespace of their own."""
