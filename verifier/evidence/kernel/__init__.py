"""The real kernel as a judge of packets: rules loaded in a throw-away network namespace, and what becomes of packets there.

Spec: specs/kernel.md
"""
