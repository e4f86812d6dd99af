"""chainproof: prove that what a node has loaded means what its NetworkPolicies say, or show packets that differ."""

__version__ = "0.1.0"
