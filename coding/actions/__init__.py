"""The writes. Each is one keyword-only function with `by=`, one transaction, one line in the trail.

In which order a write locks rows stands in `locks`.
"""
